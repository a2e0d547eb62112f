"""What a search for calls asks, read from a page's address: the same for the list, its CSV and the API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from fastapi import Request

from ivr.console.formats import iso
from policy_db.call_records import CallFilter, CallSummary
from policy_db.moments import midnight

PAGE = 50
#: Rows of a CSV file.
MOST_ROWS = 100_000
_CHOICES = ("outcome", "queue", "seat", "flow", "language", "channel")


@dataclass(frozen=True, slots=True)
class Asked:
    """The filter, and the texts it was read from, to fill in the form again."""

    wanted: CallFilter
    query: dict[str, str]


def asked(request: Request, zone: ZoneInfo, seen_by: str | None) -> Asked:
    """The search of an address; what cannot be read is left out."""
    query = {name: value.strip()[:100] for name, value in request.query_params.items() if value.strip()}
    since, until = _day(query.get("from")), _day(query.get("to"))
    choices = {name: query.get(name, "") for name in _CHOICES}
    wanted = CallFilter(
        text=query.get("q", ""),
        since=None if since is None else midnight(since, zone),
        until=None if until is None else midnight(until + timedelta(days=1), zone),
        before=_place(query.get("before", "")),
        seen_by=seen_by,
        **choices,
    )
    return Asked(wanted, query)


def place_after(call: CallSummary) -> str:
    """What the next page's address says: the last call of this one."""
    return f"{call.started_at.isoformat()}~{call.id}"


def csv_row(call: CallSummary) -> tuple[object, ...]:
    """A call as a line of CSV."""
    return (
        call.id, iso(call.started_at), iso(call.ended_at), "" if call.seconds is None else round(call.seconds),
        call.caller, call.language, call.level, call.channel, call.state, call.end_reason, call.step,
        int(call.asked), call.queue, call.seat, call.policy or "", call.missed, call.faults,
    )  # fmt: skip


CSV_HEADER = (
    "call", "started_at", "ended_at", "seconds", "caller", "language", "level", "channel", "state", "end_reason",
    "last_step", "asked_for_a_person", "queue", "seat", "policy", "missed", "faults",
)  # fmt: skip


def _day(text: str | None) -> date | None:
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return None
    return day if 1970 < day.year < 2200 else None


def _place(text: str) -> tuple[datetime, str] | None:
    at, _, call = text.partition("~")
    try:
        moment = datetime.fromisoformat(at.replace(" ", "+"))
    except ValueError:
        return None
    return (moment, call) if moment.tzinfo is not None and call else None
