"""Every table of the reports: columns with what kind of value each holds, and rows of plain values.

The same table is shown on the page, drawn as a chart, written as CSV and answered by the API.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from typing import Any, Final, Literal, TypeVar

from ivr.console.board.state import shared
from ivr.console.parts import ConsoleParts
from ivr.console.reports.period import Days
from policy_db.report_facts import CallFigures, OutreachFigures, QueueFigures, Repeats, SeatFigures

Kind = Literal[
    "text", "day", "hour", "flow", "queue", "seat", "measure", "number", "share", "span", "decimal"
]
#: Seconds for which a report serves everybody: of days that are not over, and of those that are.
_OPEN: Final = 60.0
_OVER: Final = 900.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `name` is its key in texts (`reports.NAME`) and of JSON; `span` is in seconds, `share` 0 to 1."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the first column says what a row is about."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """All figures of some days."""

    calls: CallFigures
    repeats: Repeats
    queues: QueueFigures
    made: OutreachFigures


async def cached(parts: ConsoleParts, name: str, days: Days, read: Callable[[], Awaitable[T]]) -> T:
    """What was read for these days a while ago, or now."""
    seconds = _OPEN if days.open(parts.clock()) else _OVER
    return await shared(parts).get(f"report {name} {days.query}", seconds, read)


async def overview(parts: ConsoleParts, days: Days) -> Overview:
    """The figures of the days as a whole."""
    reports, period = parts.database.reports, days.period

    async def read() -> Overview:
        calls, repeats, queues, campaigns = await asyncio.gather(
            reports.calls(period),
            reports.repeats(period),
            reports.queues(period),
            parts.database.outreach.figures(period),
        )
        together = reduce(QueueFigures.plus, queues.values(), QueueFigures())
        made = reduce(OutreachFigures.plus, campaigns, OutreachFigures())
        return Overview(calls, repeats, together, made)

    return await cached(parts, "overview", days, read)


#: The measures of the overview in their order, each with its kind and where it comes from.
MEASURES: Final[tuple[tuple[str, Kind, Callable[[Overview], float | None]], ...]] = (
    ("calls", "number", lambda found: found.calls.calls),
    ("brief", "number", lambda found: found.calls.brief),
    ("containment", "share", lambda found: found.calls.containment),
    ("length", "span", lambda found: found.calls.length),
    ("asked", "number", lambda found: found.calls.asked),
    ("messages", "number", lambda found: found.calls.messages),
    ("offered", "number", lambda found: found.queues.offered),
    ("answered", "number", lambda found: found.queues.answered),
    ("abandonment", "share", lambda found: found.queues.abandonment),
    ("service_level", "share", lambda found: found.queues.service_level),
    ("service_level_2", "share", lambda found: found.queues.service_level_2),
    ("answer_time", "span", lambda found: found.queues.answer_time),
    ("longest", "span", lambda found: found.queues.longest if found.queues.answered else None),
    ("talk_time", "span", lambda found: found.queues.talk_time),
    ("wrap_up_time", "span", lambda found: found.queues.wrap_up_time),
    ("handling_time", "span", lambda found: found.queues.handling_time),
    ("repeat_rate", "share", lambda found: found.repeats.repeat_rate),
    ("first_call_resolution", "share", lambda found: found.repeats.first_call_resolution),
    ("faulty", "number", lambda found: found.calls.faulty),
    ("made", "number", lambda found: found.made.made),
    ("reached", "share", lambda found: found.made.reached),
)
#: Measures of which less is better; of those in none of the two sets neither is.
LESS_IS_BETTER: Final = frozenset(
    {"abandonment", "answer_time", "longest", "repeat_rate", "faulty", "brief", "handling_time"}
)
MORE_IS_BETTER: Final = frozenset(
    {"containment", "service_level", "service_level_2", "first_call_resolution", "reached"}
)


async def overview_table(parts: ConsoleParts, days: Days) -> Table:
    """Each measure, now and in the period before."""
    now, then = await asyncio.gather(overview(parts, days), overview(parts, days.before))
    columns = (Column("measure", "measure"), Column("now", "decimal"), Column("then", "decimal"))
    return Table("overview", columns, tuple((name, value(now), value(then)) for name, _, value in MEASURES))


_CALLS: Final = (
    Column("calls", "number"), Column("containment", "share"), Column("asked", "number"), Column("messages", "number"),
    Column("length", "span"),
)  # fmt: skip
_QUEUES: Final = (
    Column("answered", "number"), Column("abandonment", "share"), Column("service_level", "share"),
    Column("answer_time", "span"),
)  # fmt: skip


def _call_cells(found: CallFigures) -> tuple[Any, ...]:
    return found.calls, found.containment, found.asked, found.messages, found.length


def _queue_cells(found: QueueFigures) -> tuple[Any, ...]:
    return found.answered, found.abandonment, found.service_level, found.answer_time


async def days_table(parts: ConsoleParts, days: Days) -> Table:
    """By day; days without calls too."""
    reports, period = parts.database.reports, days.period

    async def read() -> Table:
        calls, queues = await asyncio.gather(
            reports.calls_by_day(period, days.zone), reports.queues_by_day(period, days.zone)
        )
        every = [days.first + timedelta(days=one) for one in range((days.last - days.first).days + 1)]
        rows = tuple(
            (day, *_call_cells(calls.get(day, CallFigures())), *_queue_cells(queues.get(day, QueueFigures())))
            for day in every
        )
        return Table("days", (Column("day", "day"), *_CALLS, *_QUEUES), rows)

    return await cached(parts, "days", days, read)


async def hours_table(parts: ConsoleParts, days: Days) -> Table:
    """By hour of the day, all days together."""
    reports, period = parts.database.reports, days.period

    async def read() -> Table:
        calls, queues = await asyncio.gather(
            reports.calls_by_hour(period, days.zone), reports.queues_by_hour(period, days.zone)
        )
        rows = tuple(
            (
                hour,
                *_call_cells(calls.get(hour, CallFigures())),
                *_queue_cells(queues.get(hour, QueueFigures())),
            )
            for hour in range(24)
        )
        return Table("hours", (Column("hour", "hour"), *_CALLS, *_QUEUES), rows)

    return await cached(parts, "hours", days, read)


async def queues_table(parts: ConsoleParts, days: Days) -> Table:
    """By queue."""

    async def read() -> Table:
        found = await parts.database.reports.queues(days.period)
        columns = (
            Column("queue", "queue"), Column("offered", "number"), Column("answered", "number"),
            Column("abandoned", "number"), Column("abandonment", "share"), Column("left", "number"),
            Column("overflowed", "number"), Column("called_back", "number"), Column("service_level", "share"),
            Column("service_level_2", "share"), Column("answer_time", "span"), Column("longest", "span"),
            Column("talk_time", "span"), Column("wrap_up_time", "span"), Column("handling_time", "span"),
        )  # fmt: skip
        rows = tuple((name, *_queue_row(found[name])) for name in sorted(found))
        return Table("queues", columns, rows)

    return await cached(parts, "queues", days, read)


def _queue_row(one: QueueFigures) -> tuple[Any, ...]:
    return (
        one.offered, one.answered, one.abandoned, one.abandonment, one.left, one.overflowed, one.called_back,
        one.service_level, one.service_level_2, one.answer_time, one.longest if one.answered else None, one.talk_time,
        one.wrap_up_time, one.handling_time,
    )  # fmt: skip


async def seats_table(parts: ConsoleParts, days: Days) -> Table:
    """By seat."""

    async def read() -> Table:
        found = await parts.database.reports.seats(days.period)
        columns = (
            Column("seat", "seat"), Column("answered", "number"), Column("missed_rings", "number"),
            Column("talk_time", "span"), Column("wrap_up_time", "span"), Column("handling_time", "span"),
            Column("signed_in", "span"), Column("paused", "span"), Column("occupancy", "share"),
        )  # fmt: skip
        return Table("seats", columns, tuple((name, *_seat_row(found[name])) for name in sorted(found)))

    return await cached(parts, "seats", days, read)


def _seat_row(one: SeatFigures) -> tuple[Any, ...]:
    calls = one.calls
    return (
        calls.answered + calls.called_back, one.missed, calls.talk_time, calls.wrap_up_time, calls.handling_time,
        one.signed_in, one.paused, one.occupancy,
    )  # fmt: skip


async def flows_table(parts: ConsoleParts, days: Days) -> Table:
    """By flow; a call counts in each flow that it was in."""

    async def read() -> Table:
        found = await parts.database.reports.calls_by_flow(days.period)
        columns = (
            Column("flow", "flow"), *_CALLS, Column("missed_a_call", "decimal"), Column("faulty", "number")
        )  # fmt: skip
        ordered = sorted(found, key=lambda name: (-found[name].calls, name))
        rows = tuple((name, *_call_cells(found[name]), *_trouble(found[name])) for name in ordered)
        return Table("flows", columns, rows)

    return await cached(parts, "flows", days, read)


def _trouble(one: CallFigures) -> tuple[Any, ...]:
    return (round(one.missed / one.calls, 2) if one.calls else None), one.faulty


async def outreach_table(parts: ConsoleParts, days: Days) -> Table:
    """By campaign: the calls that the hotline made."""

    async def read() -> Table:
        found = await parts.database.outreach.figures(days.period)
        columns = (
            Column("campaign", "text"), Column("made", "number"), Column("taken", "number"), Column("spoken", "number"),
            Column("reached", "share"), Column("promised", "number"), Column("kept", "number"),
            Column("links", "number"), Column("refused", "number"), Column("none_free", "number"),
        )  # fmt: skip
        return Table("outreach", columns, tuple(map(_outreach_row, found)))

    return await cached(parts, "outreach", days, read)


def _outreach_row(one: OutreachFigures) -> tuple[Any, ...]:
    return (
        one.name, one.made, one.taken, one.spoken, one.reached, one.promised, one.kept, one.links, one.refused,
        one.none_free,
    )  # fmt: skip


#: Every table by its name.
TABLES: Final[dict[str, Callable[[ConsoleParts, Days], Awaitable[Table]]]] = {
    "overview": overview_table,
    "days": days_table,
    "hours": hours_table,
    "queues": queues_table,
    "seats": seats_table,
    "flows": flows_table,
    "outreach": outreach_table,
}
