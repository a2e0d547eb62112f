"""What the pages of campaigns are filled with, and how a form becomes a campaign."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, StringConstraints

from ivr.console.access import Visitor
from ivr.console.parts import ConsoleParts
from ivr.outreach.outcomes import ANSWERED, LINE, PERSON
from ivr.outreach.rules import Rules
from ivr.outreach.selection import FLOWS, Preview, WrongLine, create, preview, read_csv
from policy_db.moments import Period
from policy_db.outreach_facts import Campaign, CampaignKind

KINDS: Final = get_args(CampaignKind)
_Word = Annotated[str, StringConstraints(max_length=100, strip_whitespace=True, pattern=r"^[^\x00]*$")]
#: Hours that the chart of a campaign shows at most.
_HOURS: Final = 48


class NewForm(BaseModel):
    """A campaign as the form has it; what is empty is as the rules say by themselves."""

    name: _Word = ""
    kind: CampaignKind = "premium_due"
    flow: _Word = ""
    line: _Word = ""
    caller: _Word = ""
    days: int | None = None
    product: _Word = ""
    province: _Word = ""
    salesperson: _Word = ""
    hours: _Word = "09:00-20:30"
    weekend: bool = False
    rests: _Word = "12:00-14:00,18:00-19:00"
    holidays: bool = True
    at_once: int = 10
    per_second: float = 1.0
    seats: _Word = ""
    attempts: int = 3
    per_day: int = 2
    per_week: int = 4
    machine: str = "hang_up"
    priority: int = 0

    def rules(self) -> Rules:
        """The rules of the form. Raises OutreachError."""
        days = ("mon", "tue", "wed", "thu", "fri", *(("sat", "sun") if self.weekend else ()))
        return Rules.read(
            {
                "windows": {
                    "week": dict.fromkeys(days, self.hours),
                    "rests": self.rests,
                    "holidays": "auto" if self.holidays else None,
                },
                "pace": {
                    "at_once": self.at_once,
                    "per_second": self.per_second,
                    "seats": self.seats,
                    "mode": "progressive" if self.seats else "fixed",
                },
                "retries": {"attempts": self.attempts},
                "caps": {"per_day": self.per_day, "per_week": self.per_week},
                "machine": {"then": self.machine},
            }
        )

    def selection(self) -> dict[str, Any]:
        """Who is meant."""
        wanted = {name: getattr(self, name) for name in ("product", "province", "salesperson")}
        chosen: dict[str, Any] = {name: value for name, value in wanted.items() if value}
        return chosen if self.days is None else {**chosen, "days": self.days}


@dataclass(frozen=True, slots=True)
class Progress:
    """How a campaign fares: people by state and reason or outcome, attempts by outcome, and totals."""

    campaign: Campaign
    excluded: Mapping[str, int]
    outcomes: Mapping[str, int]
    waiting: int
    calling: int
    done: int
    attempts: int
    reached: int

    @property
    def people(self) -> int:
        """How many are to be called, or were."""
        return self.waiting + self.calling + self.done

    @property
    def left_out(self) -> int:
        """How many are not called."""
        return sum(self.excluded.values())

    @property
    def share(self) -> float:
        """The share of people who are done with."""
        return self.done / self.people if self.people else 0.0


async def progress_of(parts: ConsoleParts, campaign: Campaign) -> Progress:
    """How it stands now."""
    counts = await parts.database.campaigns.counts(campaign.id)
    tried = await parts.database.campaigns.attempt_counts(campaign.id)
    by_state: Counter[str] = Counter()
    for (state, _), people in counts.items():
        by_state[state] += people
    outcomes: Counter[str] = Counter()
    for (state, outcome), attempts in tried.items():
        outcomes["under_way" if state != "ended" else outcome] += attempts
    return Progress(
        campaign,
        {what: people for (state, what), people in counts.items() if state == "excluded"},
        {name: outcomes[name] for name in (*PERSON, *ANSWERED, *LINE, "under_way") if outcomes[name]},
        by_state["waiting"],
        by_state["calling"],
        by_state["done"],
        sum(tried.values()),
        sum(outcomes[name] for name in PERSON),
    )


async def made(
    parts: ConsoleParts, visitor: Visitor, form: NewForm, file: bytes | None
) -> tuple[Campaign, Preview]:
    """Keep a campaign as a draft with its people. Raises OutreachError for rules or a selection that cannot be."""
    rules = form.rules()
    zone = ZoneInfo(parts.settings.zone)
    now = parts.clock().astimezone(zone)
    lines, wrong = read_csv(file) if file else (None, [])
    selection = form.selection() | ({"source": "csv"} if file else {})
    found = await preview(
        parts.database, form.kind, selection, rules, now=now, zone=zone.key, lines=lines, wrong=wrong
    )
    campaign = Campaign(
        id=f"c-{secrets.token_hex(4)}",
        name=form.name or f"{form.kind} {now:%Y-%m-%d}",
        kind=form.kind,
        flow=form.flow or FLOWS[form.kind],
        created_at=now,
        created_by=visitor.who,
        line=form.line,
        caller=form.caller,
        priority=form.priority,
        rules=rules.plain(),
        selection=selection
        | ({"wrong": [[one.line, one.why] for one in found.wrong[:100]]} if wrong else {}),
    )
    await create(parts.database, campaign, found, now)
    return campaign, found


def wrong_lines(campaign: Campaign) -> Sequence[WrongLine]:
    """The lines of a campaign's file that could not be read."""
    return [WrongLine(int(line), str(why)) for line, why in campaign.selection.get("wrong", ())]


async def by_hour(parts: ConsoleParts, campaign: str) -> dict[str, Any]:
    """Attempts of the last two days by hour: people reached, others, and the hours' names."""
    zone = ZoneInfo(parts.settings.zone)
    now = parts.clock()
    period = Period(now - timedelta(hours=_HOURS), now + timedelta(hours=1))
    counts = await parts.database.outreach.by_hour(campaign, period, zone)
    hours = sorted({hour for hour, _ in counts})
    reached = dict.fromkeys(hours, 0)
    others = dict.fromkeys(hours, 0)
    for (hour, outcome), attempts in counts.items():
        (reached if outcome in PERSON else others)[hour] += attempts
    names = [f"{datetime.fromtimestamp(hour * 3600, ZoneInfo('UTC')):%d. %H:00}" for hour in hours]
    return {
        "hours": names,
        "reached": [reached[one] for one in hours],
        "others": [others[one] for one in hours],
    }
