"""What a live board reads: the calls that go on, the last hour, trouble of the last minutes, and the alarms' limits.

Every query is bounded and goes by an index, however many calls there were.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, case, func, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.clock import Clock
from policy_db.moments import epoch
from policy_db.seat_facts import Snapshot
from policy_db.seats import snapshot_on
from policy_db.store import Store
from policy_db.tables import AlarmLimitRow, CallRow, PolicyRow, WaitingCallRow, WorkerRow
from policy_db.workers import SILENCE
from policy_db.writes import insert

#: Written out, because SQLite only then sees that the index of running calls will do.
_RUNNING: Final = CallRow.state == literal_column("'running'")
#: Not a call that the hotline made.
_CAME: Final = CallRow.outbound.is_(False)
MINUTES: Final = 60
#: No call of interest to the last hour began before this.
_LONGEST: Final = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class RunningCall:
    """A call that goes on; `step` (`flow.step`) since `step_at` seconds after the answer. We made an `outbound` one."""

    id: str
    worker: str
    channel: str
    caller: str
    called: str
    language: str
    level: int
    started_at: datetime
    step: str
    step_at: float | None
    missed: int
    faults: int
    outbound: bool
    policy: str | None


@dataclass(frozen=True, slots=True)
class Curves:
    """The last hour by minute, each value at the minute's end: calls that went on, callers who waited."""

    minutes: tuple[datetime, ...]
    calls: tuple[int, ...]
    waiting: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Calls begun since a moment: how many, how many met a fault, how often callers were not understood."""

    calls: int
    faulty: int
    missed: int


@dataclass(frozen=True, slots=True)
class AlarmLimit:
    """A limit as a manager has set it; None switches the alarm off."""

    name: str
    value: float | None
    changed_by: str
    changed_at: datetime


class Boards:
    """Reads for the live board."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def running(self, limit: int = 1000) -> tuple[RunningCall, ...]:
        """The calls that have not ended, the oldest first."""
        async with self._store.reading() as connection:
            return await _running_on(connection, limit)

    async def moment(self, limit: int = 1000) -> tuple[Snapshot, tuple[RunningCall, ...]]:
        """Queues, seats (offline ones too), calls in line and running calls, all of one moment."""
        async with self._store.reading() as connection:
            return await snapshot_on(connection, offline=True), await _running_on(connection, limit)

    async def begun(self, since: datetime) -> int:
        """How many calls came since a moment, without those that the hotline made."""
        query = select(func.count()).select_from(CallRow).where(CallRow.started_at >= since, _CAME)
        async with self._store.reading() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def last_hour(self) -> Curves:
        """Calls and waiting callers of the last hour, counted back from now by who came and who went."""
        now = self._clock().replace(second=0, microsecond=0) + timedelta(minutes=1)
        first = now - timedelta(minutes=MINUTES)
        gone = func.coalesce(WaitingCallRow.answered_at, WaitingCallRow.ended_at)
        waiting = or_(WaitingCallRow.state == "waiting", WaitingCallRow.state == "offered")
        calls = (CallRow.started_at, CallRow.ended_at, CallRow.started_at >= first - _LONGEST, _RUNNING)
        places = (WaitingCallRow.queued_at, gone, WaitingCallRow.queued_at >= first - _LONGEST, waiting)
        minutes = tuple(first + timedelta(minutes=one) for one in range(1, MINUTES + 1))
        return Curves(minutes, await self._curve(first, *calls), await self._curve(first, *places))

    async def _curve(
        self,
        first: datetime,
        came: Any,
        went: Any,
        recent: ColumnElement[bool],
        now_there: ColumnElement[bool],
    ) -> tuple[int, ...]:
        async with self._store.reading() as connection:
            there = int((await connection.execute(select(func.count()).where(now_there))).scalar_one())
            arrived = await connection.execute(_by_minute(came, recent, came >= first))
            departed = await connection.execute(_by_minute(went, recent, went >= first))
            arrivals, departures = ({int(row[0]): row[1] for row in rows} for rows in (arrived, departed))
        counts = []
        for minute in reversed(range(int(first.timestamp()) // 60, int(first.timestamp()) // 60 + MINUTES)):
            counts.append(max(0, there))
            there += int(departures.get(minute, 0)) - int(arrivals.get(minute, 0))
        return tuple(reversed(counts))

    async def trouble(self, since: datetime) -> Trouble:
        """What went wrong in the calls that came since a moment."""
        query = select(
            func.count(),
            func.coalesce(func.sum(case((CallRow.faults > 0, 1), else_=0)), 0),
            func.coalesce(func.sum(CallRow.missed), 0),
        ).where(CallRow.started_at >= since, _CAME)
        async with self._store.reading() as connection:
            return Trouble(*(int(value) for value in (await connection.execute(query)).one()))

    async def silent_workers(self) -> tuple[str, ...]:
        """Workers that carried calls and have said nothing since, without having stopped in order."""
        now = self._clock()
        query = select(WorkerRow.name).where(
            WorkerRow.state != "stopped",
            WorkerRow.seen_at <= now - SILENCE,
            WorkerRow.seen_at > now - timedelta(days=1),
        )
        async with self._store.reading() as connection:
            return tuple((await connection.execute(query.order_by(WorkerRow.name))).scalars())

    async def limits(self) -> dict[str, AlarmLimit]:
        """The limits that were set, by the alarm's name."""
        query = select(
            AlarmLimitRow.name, AlarmLimitRow.value, AlarmLimitRow.changed_by, AlarmLimitRow.changed_at
        )
        async with self._store.reading() as connection:
            return {row.name: AlarmLimit(*row) for row in await connection.execute(query)}

    async def set_limits(self, values: Mapping[str, float | None], who: str) -> None:
        """Set limits in place of the usual ones; None switches an alarm off."""
        now = self._clock()
        async with self._store.writing("alarm_limits") as connection:
            for name, value in values.items():
                said = {"value": value, "changed_by": who, "changed_at": now}
                statement: Any = insert(self._store, AlarmLimitRow).values(name=name, **said)
                await connection.execute(
                    statement.on_conflict_do_update(index_elements=[AlarmLimitRow.name], set_=said)
                )


async def _running_on(connection: AsyncConnection, limit: int) -> tuple[RunningCall, ...]:
    own = (
        CallRow.id, CallRow.worker, CallRow.channel, CallRow.caller, CallRow.called, CallRow.language,
        CallRow.level, CallRow.started_at, CallRow.step, CallRow.step_at, CallRow.missed, CallRow.faults,
        CallRow.outbound,
    )  # fmt: skip
    query = (
        select(*own, PolicyRow.number)
        .outerjoin(PolicyRow, PolicyRow.id == CallRow.policy_id)
        .where(_RUNNING)
        .order_by(CallRow.started_at, CallRow.id)
        .limit(limit)
    )
    rows: Any = await connection.execute(query)
    return tuple(RunningCall(*row) for row in rows)


def _by_minute(at: Any, *conditions: ColumnElement[bool]) -> Any:
    minute = epoch(at) // 60
    return select(minute, func.count()).where(*conditions).group_by(minute)
