"""Who goes into a campaign: from policies and claims, from a CSV file, from a saved search; and whom it leaves out, why.

Nobody is dropped in silence: whoever is not called is in the list with a reason, and is counted by it.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from itertools import islice
from typing import Any, Final

from ivr.errors import OutreachError
from ivr.outreach.numbers import Number, read_number
from ivr.outreach.reasons import CONSENT
from ivr.outreach.rules import Rules
from policy_db import PolicyDatabase
from policy_db.callers import forms
from policy_db.campaign_selection import Candidate, Filter, LeftAlone
from policy_db.outreach_facts import Campaign, CampaignKind, NewPerson

#: Why somebody is not called.
REASONS: Final = ("invalid_number", "do_not_call", "no_consent", "duplicate", "in_campaign", "promised")
#: Which flow a kind of campaign has where nobody says otherwise.
FLOWS: Final[Mapping[CampaignKind, str]] = {
    "premium_due": "premium_reminder", "overdue": "premium_reminder", "grace_ending": "premium_reminder",
    "renewal": "service_notice", "claim_papers": "service_notice", "appointment": "appointment_reminder",
    "survey": "satisfaction_survey", "list": "service_notice",
}  # fmt: skip
#: Days ahead that count as soon, by kind.
DAYS: Final[Mapping[CampaignKind, int]] = {
    "premium_due": 15, "overdue": 0, "grace_ending": 15, "renewal": 30,
}  # fmt: skip
#: Lines of a file that are read, and the names that its first line may give to columns.
MOST_LINES: Final = 200_000
_NAMES: Final = {
    "number": "number", "telephone": "number", "phone": "number", "电话": "number", "电话号码": "number",
    "手机": "number",
    "customer": "customer", "客户号": "customer", "policy": "policy", "保单号": "policy", "language": "language",
    "语言": "language", "day": "day", "日期": "day", "claim": "claim", "赔案号": "claim",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class WrongLine:
    """A line of a file that cannot be taken: its number, and what is wrong by a word of the texts."""

    line: int
    why: str
    what: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a campaign would be: its people with those left out, counts by reason, and lines that could not be read."""

    people: tuple[NewPerson, ...]
    reasons: Mapping[str, int]
    wrong: tuple[WrongLine, ...] = ()
    places: Mapping[str, int] = field(default_factory=dict)

    @property
    def called(self) -> int:
        """How many would be called."""
        return len(self.people) - sum(self.reasons.values())


async def preview(
    database: PolicyDatabase,
    kind: CampaignKind,
    selection: Mapping[str, Any],
    rules: Rules,
    *,
    now: datetime,
    region: str = "CN",
    zone: str = "Asia/Shanghai",
    lines: Sequence[Candidate] | None = None,
    wrong: Sequence[WrongLine] = (),
) -> Preview:
    """The people of a campaign as it would be now; `lines` are those of a file, in place of a search."""
    days, wanted = read_selection(kind, selection)
    found = (
        lines if lines is not None else await database.campaign_selection.due(kind, now.date(), days, wanted)
    )
    left = await database.campaign_selection.left_alone(
        now, sales=rules.scope == "sales", purpose=CONSENT, today=now.date()
    )
    running = [one.id for one in await database.campaigns.running() if one.kind == kind]
    busy = await database.campaigns.numbers_in(running) if running else frozenset()
    people = _sorted_out(found, left, busy, region, zone)
    reasons = Counter(one.excluded for one in people if one.excluded)
    places = Counter(one.zone for one in people if not one.excluded)
    return Preview(people, dict(reasons), tuple(wrong), dict(places))


def _sorted_out(
    found: Sequence[Candidate], left: LeftAlone, busy: frozenset[str], region: str, zone: str
) -> tuple[NewPerson, ...]:
    seen: set[str] = set()
    listed = left.numbers | {form for number in left.numbers for form in forms(number)}
    people = []
    for one in found:
        number = read_number(one.number, region=region, zone=zone)
        why = "invalid_number" if number is None else _why(one, number, left, listed, busy, seen)
        if number is not None and not why:
            seen.add(number.number)
        people.append(
            NewPerson(
                number=one.number[:64] if number is None else number.number,
                zone="" if number is None else number.place,
                customer=one.customer,
                policy=one.policy,
                language=one.language,
                facts={name: value for name, value in (("claim", one.claim), ("day", one.day)) if value},
                excluded=why,
            )
        )
    return tuple(people)


def _why(
    one: Candidate,
    number: Number,
    left: LeftAlone,
    listed: frozenset[str] | set[str],
    busy: frozenset[str],
    seen: set[str],
) -> str:
    if number.number in listed or one.number in listed or one.customer in left.customers:
        return "do_not_call"
    if one.customer in left.refused:
        return "no_consent"
    if one.policy and one.policy in left.promised:
        return "promised"
    if number.number in busy:
        return "in_campaign"
    return "duplicate" if number.number in seen else ""


async def create(database: PolicyDatabase, campaign: Campaign, people: Preview, now: datetime) -> None:
    """Keep a campaign as a draft with its people."""
    Rules.read(campaign.rules)
    await database.campaigns.add(campaign)
    await database.campaigns.put(campaign.id, people.people, due=now)


def read_selection(kind: CampaignKind, selection: Mapping[str, Any]) -> tuple[int, Filter]:
    """The days ahead and the filter of plain data. Raises OutreachError (H702)."""
    known = {one.name for one in fields(Filter)}
    unknown = set(selection) - known - {"days", "source", "file"}
    if unknown:
        raise OutreachError(
            f"a selection has no {min(unknown)!r}; it has days and {', '.join(sorted(known))}",
            code="H702",
        )
    try:
        days = int(selection.get("days", DAYS.get(kind, 0)))
    except (TypeError, ValueError):
        raise OutreachError("days is a whole number", code="H702") from None
    if not 0 <= days <= 366:
        raise OutreachError("days is a number from 0 to 366", code="H702")
    return days, Filter(**{name: str(selection[name]) for name in known if selection.get(name)})


def read_csv(content: bytes) -> tuple[list[Candidate], list[WrongLine]]:
    """The people of a CSV file in UTF-8 or GB18030 and its wrong lines; the first line names the columns.

    `number` is wanted; `customer`, `policy`, `language`, `day` (2026-03-10) and `claim` may be there.
    """
    try:
        told = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        told = content.decode("gb18030", "replace")
    lines = csv.reader(io.StringIO(told.replace("\x00", "")))
    found: list[Candidate] = []
    wrong: list[WrongLine] = []
    try:
        names = [_NAMES.get(one.strip().casefold(), "") for one in next(lines, [])]
        if "number" not in names:
            return [], [WrongLine(1, "no_number_column")]
        for line, cells in enumerate(islice(lines, MOST_LINES + 1), start=2):
            if line > MOST_LINES + 1:
                wrong.append(WrongLine(line, "too_long"))
                break
            if any(cell.strip() for cell in cells):
                _take(line, dict(zip(names, map(str.strip, cells), strict=False)), found, wrong)
    except csv.Error:
        wrong.append(WrongLine(lines.line_num, "not_csv"))
    return found, wrong


def _take(line: int, row: Mapping[str, str], found: list[Candidate], wrong: list[WrongLine]) -> None:
    number = row.get("number", "")
    day = row.get("day", "")
    if not number:
        wrong.append(WrongLine(line, "no_number"))
    elif read_number(number) is None:
        wrong.append(WrongLine(line, "bad_number", number[:20]))
    elif day and not _is_day(day):
        wrong.append(WrongLine(line, "bad_day", day[:20]))
    elif len(row.get("customer", "")) > 20 or len(row.get("policy", "")) > 20:
        wrong.append(WrongLine(line, "too_wide"))
    else:
        found.append(
            Candidate(
                number, row.get("customer", ""), row.get("policy", ""), row.get("language", "")[:20],
                row.get("claim", "")[:20], day,
            )
        )  # fmt: skip


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
