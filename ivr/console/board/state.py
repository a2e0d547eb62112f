"""What the board shows, read once for all who watch.

Nudges come in bursts, and every watcher reads again at each: they share the first reading after it (`sharing`), and
what moves slowly (the day's figures, the last minutes' trouble) for longer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from fastapi import Request

from ivr.bus import Nudge
from ivr.call.company_hours import CompanyHours
from ivr.console.access import Visitor
from ivr.console.board.alarms import LATELY, Alarm, QueueSight, judge, limits_of
from ivr.console.board.names import Names
from ivr.console.board.sharing import Shared
from ivr.console.pages import language_of
from ivr.console.parts import ConsoleParts
from ivr.seats import open_by
from ivr.seats.choose import fits
from ivr.seats.waiting import estimate, handling_seconds
from policy_db.boards import RunningCall
from policy_db.moments import Period, midnight
from policy_db.report_facts import QueueFigures
from policy_db.seat_facts import Queue, QueueCall, Seat, Snapshot

#: Seconds for which a reading serves everybody while nothing is heard.
FRESH: Final = 0.3
#: Seconds for which slow figures do: the day's, the last minutes', how long talks take, the last hour's curves.
_DAY: Final = 5.0
_LATELY: Final = 5.0
_TALKS: Final = 30.0
#: Calls that are shown; the rest is counted.
MOST_CALLS: Final = 300
_SERVING: Final = frozenset({"ready", "ringing", "talking", "wrap_up"})
_SHARED: Final = "board"
_TOPICS: Final = frozenset({"call", "seat", "queue", "*"})


@dataclass(frozen=True, slots=True)
class CallLine:
    """A running call: its row, its place in line if it has one, and the seats at it."""

    call: RunningCall
    place: QueueCall | None
    seats: tuple[Seat, ...]

    @property
    def talks(self) -> bool:
        """Whether it is with a seat now."""
        return self.place is not None and self.place.state == "connected"

    def supervised_by(self, seat: str | None) -> bool:
        """Whether a supervisor at that seat listens to the talk, whispers, or has joined it."""
        return any(one.id == seat and one.part == "supervisor" for one in self.seats)


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A queue now and today. `longest` is the wait so far of who waits longest, `expected` that of who comes now."""

    queue: Queue
    waiting: int
    callbacks: int
    longest: float | None
    expected: float | None
    serving: int
    ready: int
    today: QueueFigures

    @property
    def late(self) -> bool:
        """Whether somebody has waited for longer than the queue means to let anybody wait."""
        return self.longest is not None and self.longest > self.queue.service_level_seconds


@dataclass(frozen=True, slots=True)
class Board:
    """Everything of one moment."""

    at: datetime
    calls: tuple[CallLine, ...]
    queues: tuple[QueueLine, ...]
    seats: tuple[Seat, ...]
    offline: int
    begun: int
    today: QueueFigures
    alarms: tuple[Alarm, ...]
    #: What was made of it for those who watch: pages by language and rights, JSON.
    made: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def came(self) -> int:
        """Running calls that came in."""
        return len(self.calls) - self.made_by_us

    @property
    def made_by_us(self) -> int:
        """Running calls that the hotline made."""
        return sum(line.call.outbound for line in self.calls)

    @property
    def waiting(self) -> int:
        """Callers who wait for a person."""
        return sum(line.waiting for line in self.queues)

    @property
    def longest(self) -> float | None:
        """The longest wait of those who wait."""
        return max((line.longest for line in self.queues if line.longest is not None), default=None)

    @property
    def wait_weight(self) -> str:
        """How bad the longest wait is: `bad` past the managers' limit, `warn` past a queue's own target, else nothing."""
        if any(alarm.name == "longest_wait" for alarm in self.alarms):
            return "bad"
        return "warn" if any(line.late for line in self.queues) else ""

    def in_state(self, *states: str) -> int:
        """Seats in one of the states."""
        return sum(seat.state in states for seat in self.seats)


def shared(parts: ConsoleParts) -> Shared:
    """The readings of this console."""
    made: Shared = parts.shared.setdefault(_SHARED, Shared())
    return made


@asynccontextmanager
async def hearing(parts: ConsoleParts) -> AsyncIterator[None]:
    """Hear of changes for the length of the block, so that no watcher is shown what was read before one."""
    readings = shared(parts)

    def hear(nudge: Nudge) -> None:
        if nudge.topic in _TOPICS:
            readings.changed()

    async with parts.bus.listening(hear):
        yield


async def queue_titles(parts: ConsoleParts) -> Mapping[str, Mapping[str, str]]:
    """What queues are called, by their name."""

    async def read() -> Mapping[str, Mapping[str, str]]:
        return {name: one.titles for name, one in (await parts.database.seats.snapshot()).queues.items()}

    return await shared(parts).get("queue titles", _TALKS, read)


async def names_for(request: Request, parts: ConsoleParts, visitor: Visitor) -> Names:
    """What things are called in the visitor's language."""
    return Names(parts.flows.current, language_of(request, visitor), await queue_titles(parts))


async def board(parts: ConsoleParts) -> Board:
    """The board as it is since the last change, not older than `FRESH` seconds."""
    return await shared(parts).live("board", FRESH, lambda: _read(parts))


async def _read(parts: ConsoleParts) -> Board:
    whole, calls = await parts.database.boards.moment()
    now = parts.clock()
    there = tuple(seat for seat in whole.seats if seat.state != "offline")
    snapshot = Snapshot(whole.queues, there, whole.calls)
    begun, by_queue = await shared(parts).get("day", _DAY, lambda: _day(parts))
    lines = tuple(
        [await _queue_line(parts, snapshot, name, by_queue, now) for name in sorted(snapshot.queues)]
    )
    today = QueueFigures()
    for one in by_queue.values():
        today = today.plus(one)
    alarms = await _alarms(parts, snapshot, lines, now)
    offline = len(whole.seats) - len(there)
    return Board(now, _call_lines(calls, snapshot), lines, there, offline, begun, today, alarms)


async def _day(parts: ConsoleParts) -> tuple[int, dict[str, QueueFigures]]:
    """Today so far, in the company's zone: how many calls came, and each queue's figures."""
    zone, now = ZoneInfo(parts.settings.zone), parts.clock()
    since = midnight(now.astimezone(zone).date(), zone)
    period = Period(since, now + timedelta(seconds=1))
    begun, queues = await asyncio.gather(
        parts.database.boards.begun(since), parts.database.reports.queues(period)
    )
    return begun, queues


def _call_lines(calls: tuple[RunningCall, ...], snapshot: Snapshot) -> tuple[CallLine, ...]:
    places = {place.call_id: place for place in snapshot.calls}
    seats: dict[str, list[Seat]] = {}
    for seat in snapshot.seats:
        if seat.call_id is not None:
            seats.setdefault(seat.call_id, []).append(seat)
    return tuple(CallLine(call, places.get(call.id), tuple(seats.get(call.id, ()))) for call in calls)


async def _queue_line(
    parts: ConsoleParts, snapshot: Snapshot, name: str, today: Mapping[str, QueueFigures], now: datetime
) -> QueueLine:
    queue = snapshot.queues[name]
    waiting = [one for one in snapshot.calls if one.queue == name and one.state in ("waiting", "offered")]
    talks = await shared(parts).get(f"talks {name}", _TALKS, lambda: parts.database.seats.talk_seconds(name))
    newcomer = QueueCall("", "", name, now, now)
    serving = [seat for seat in snapshot.seats if seat.state in _SERVING and fits(newcomer, queue, seat)]
    told = estimate(snapshot, newcomer, handling_seconds(talks, queue.wrap_up_seconds), now)
    return QueueLine(
        queue,
        len(waiting),
        sum(one.queue == name and one.state == "callback" for one in snapshot.calls),
        max(((now - one.entered_at).total_seconds() for one in waiting), default=None),
        told.seconds,
        len(serving),
        sum(seat.state == "ready" for seat in serving),
        today.get(name, QueueFigures()),
    )


async def _alarms(
    parts: ConsoleParts, snapshot: Snapshot, lines: tuple[QueueLine, ...], now: datetime
) -> tuple[Alarm, ...]:
    boards = parts.database.boards
    held, trouble, workers, calendars = await shared(parts).get(
        "lately",
        _LATELY,
        lambda: asyncio.gather(
            boards.limits(),
            boards.trouble(now - LATELY),
            boards.silent_workers(),
            parts.database.administration.calendars(),
        ),
    )
    company = CompanyHours()
    company.take(calendars)
    is_open = open_by(company.of_queues(parts.flows))
    sights = tuple(
        QueueSight(
            line.queue.name,
            line.longest,
            line.today.answered,
            line.today.service_level,
            line.serving,
            is_open(line.queue, now),
        )
        for line in lines
    )
    folder = parts.settings.data_dir
    return judge(limits_of(held), queues=sights, trouble=trouble, workers=workers, folder=folder)
