"""Tables of telephone-service conduct: the share answered in time, and of late answers the share with an apology.

What each figure means stands in `docs/conduct.md` and on the page of definitions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from ivr.console.parts import ConsoleParts
from ivr.console.reports.period import Days
from ivr.console.reports.tables import TABLES, Column, Kind, Table, cached
from policy_db.conduct import Answers

_OWN: Final = (
    Column("own_answered", "number"), Column("own_in_time", "share"), Column("own_mean", "span"),
    Column("own_late", "number"), Column("own_sorry", "share"),
)  # fmt: skip
_PEOPLE: Final = (
    Column("people_answered", "number"), Column("people_in_time", "share"), Column("people_mean", "span"),
    Column("people_longest", "span"), Column("people_late", "number"), Column("people_sorry", "share"),
)  # fmt: skip


def _own_cells(one: Answers) -> tuple[Any, ...]:
    return one.answered, one.share, one.mean, one.late, one.apologies


def _people_cells(one: Answers) -> tuple[Any, ...]:
    return one.answered, one.share, one.mean, one.longest if one.answered else None, one.late, one.apologies


def _limits(parts: ConsoleParts) -> tuple[float, float]:
    return parts.settings.answer_within, parts.settings.apologise_after


async def answers_by_day(parts: ConsoleParts, days: Days) -> Table:
    """By day: what the hotline answered itself, and what people answered."""

    async def read() -> Table:
        conduct, limits = parts.database.conduct, _limits(parts)
        own, people = await asyncio.gather(
            conduct.own_by_day(days.period, days.zone, *limits),
            conduct.people_by_day(days.period, days.zone, *limits),
        )
        every = [days.first + timedelta(days=one) for one in range((days.last - days.first).days + 1)]
        return _table("answer_days", "day", "day", every, own, people)

    return await cached(parts, "answer_days", days, read)


async def answers_by_hour(parts: ConsoleParts, days: Days) -> Table:
    """By hour of the day, all days together."""

    async def read() -> Table:
        conduct, limits = parts.database.conduct, _limits(parts)
        own, people = await asyncio.gather(
            conduct.own_by_hour(days.period, days.zone, *limits),
            conduct.people_by_hour(days.period, days.zone, *limits),
        )
        return _table("answer_hours", "hour", "hour", list(range(24)), own, people)

    return await cached(parts, "answer_hours", days, read)


async def answers_by_queue(parts: ConsoleParts, days: Days) -> Table:
    """By queue: what people answered."""

    async def read() -> Table:
        found = await parts.database.conduct.people_by_queue(days.period, *_limits(parts))
        rows = tuple((name, *_people_cells(found[name])) for name in sorted(found))
        return Table("answer_queues", (Column("queue", "queue"), *_PEOPLE), rows)

    return await cached(parts, "answer_queues", days, read)


def _table(
    name: str,
    first: str,
    kind: Kind,
    keys: list[Any],
    own: Mapping[Any, Answers],
    people: Mapping[Any, Answers],
) -> Table:
    rows = tuple(
        (key, *_own_cells(own.get(key, Answers())), *_people_cells(people.get(key, Answers())))
        for key in keys
    )
    return Table(name, (Column(first, kind), *_OWN, *_PEOPLE), rows)


#: Measures of these tables, in the order of their definitions.
CONDUCT_MEASURES: Final = tuple(one.name for one in (*_OWN, *_PEOPLE))
#: Every table of the reports, with these.
EVERY_TABLE: Final[dict[str, Callable[[ConsoleParts, Days], Awaitable[Table]]]] = {
    **TABLES,
    "answer_days": answers_by_day,
    "answer_hours": answers_by_hour,
    "answer_queues": answers_by_queue,
}
