"""Queues, seats and calls in line, in the database. Rows change by `apply` alone, which never waits for a lock.

A change is planned on rows as they were read, and made if they still are as they were (version and lease); on
PostgreSQL a row that somebody else is changing this moment counts as changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, delete, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.errors import ConflictError
from policy_db.seat_facts import (
    Lost,
    Move,
    Queue,
    QueueCall,
    Scene,
    Seat,
    SeatMove,
    SeatPause,
    Snapshot,
    history_of,
)
from policy_db.seat_rows import call_of, changed_values, queue_of, seat_of, values_of
from policy_db.store import Store
from policy_db.tables import QueueRow, SeatMoveRow, SeatPauseRow, SeatRow, WaitingCallRow
from policy_db.writes import insert

#: Written out as the partial index of open calls has it, so that no database reads the ended ones, however many.
_OPEN: Final[BindParameter[list[str]]] = bindparam(
    "open", ["waiting", "offered", "connected", "callback"], expanding=True, literal_execute=True
)
_IS_OPEN = WaitingCallRow.state.in_(_OPEN)
_SEATS = select(*SeatRow.__table__.columns)
_CALLS = select(*WaitingCallRow.__table__.columns)


class _LostError(Exception):
    """Rolls a transaction back when it turns out too late that it has lost."""


async def snapshot_on(connection: AsyncConnection, *, offline: bool = False) -> Snapshot:
    """All queues, the seats (those that are offline if it is asked for), then the open calls."""
    queues = await connection.execute(select(*QueueRow.__table__.columns))
    by_name = {row.name: queue_of(row) for row in queues}
    seats = await _seats(connection, true() if offline else SeatRow.state != "offline")
    return Snapshot(by_name, seats, await _calls(connection, _IS_OPEN))


class Seats:
    """The store of queues and seats that `ivr.seats` works on."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def snapshot(self) -> Snapshot:
        """All queues, the seats that are not offline, then the open calls."""
        async with self._store.reading() as connection:
            return await snapshot_on(connection)

    async def scene(self, *, call: str = "", seat: str = "") -> Scene:
        """A call with everybody at it, named by itself or by one of its seats."""
        async with self._store.reading() as connection:
            if not call and seat:
                query = select(SeatRow.call_id).where(SeatRow.id == seat)
                call = (await connection.execute(query)).scalar() or ""
            found = await _calls(connection, and_(WaitingCallRow.call_id == call, _IS_OPEN))
            queue = await _queue(connection, found[0].queue) if found else None
            seats = await _seats(connection, or_(SeatRow.call_id == call, SeatRow.id == seat))
        there = tuple(one for one in seats if call and one.call_id == call)
        named = next((one for one in seats if one.id == seat), None)
        return Scene(found[0] if found else None, queue, there, named)

    async def apply(self, move: Move) -> Lost | None:
        """Make all of a move, or none of it and say how the rows stand now."""
        try:
            async with self._store.writing() as connection:
                if not await self._as_read(connection, move):
                    return await _standing(connection, move)
                await self._write(connection, move)
        except _LostError:
            async with self._store.reading() as connection:
                return await _standing(connection, move)
        return None

    async def _as_read(self, connection: AsyncConnection, move: Move) -> bool:
        """Lock the rows, skipping those that are locked; whether all are as the move read them."""
        for table, pairs in ((SeatRow, move.seats), (WaitingCallRow, move.calls)):
            if not pairs:
                continue
            columns = (table.id, table.version, table.lease_until)
            ids = [before.id for before, _ in pairs]
            query = select(*columns).where(table.id.in_(ids)).order_by(table.id)
            rows = await connection.execute(query.with_for_update(skip_locked=True, key_share=True))
            now = {row.id: (row.version, row.lease_until) for row in rows}
            if any(now.get(before.id) != (before.version, before.lease_until) for before, _ in pairs):
                return False
        return True

    async def _write(self, connection: AsyncConnection, move: Move) -> None:
        """Those who leave a call first, so that it never has two main seats, not even inside the move."""
        for seat, becomes in sorted(move.seats, key=lambda pair: pair[1].part == "main"):
            values = changed_values(seat, becomes)
            await connection.execute(update(SeatRow).where(SeatRow.id == seat.id).values(values))
        for call, now in move.calls:
            values = changed_values(call, now)
            await connection.execute(
                update(WaitingCallRow).where(WaitingCallRow.id == call.id).values(values)
            )
        for join in move.joins:
            added = insert(self._store, WaitingCallRow).values(values_of(join)).on_conflict_do_nothing()
            if (await connection.execute(added.returning(WaitingCallRow.id))).first() is None:
                raise _LostError
        await self._remember(connection, move)

    async def _remember(self, connection: AsyncConnection, move: Move) -> None:
        """Add to the history, and begin and end pauses."""
        for one in history_of(move):
            await connection.execute(
                insert(self._store, SeatMoveRow).values(
                    at=one.at,
                    seat_id=one.seat,
                    before=one.before,
                    after=one.after,
                    reason=one.reason,
                    call_id=one.call_id,
                    who=one.who,
                )
            )
            if one.before == "paused":
                mine = (SeatPauseRow.seat_id == one.seat, SeatPauseRow.ended_at.is_(None))
                await connection.execute(update(SeatPauseRow).where(*mine).values(ended_at=one.at))
            if one.after == "paused":
                begun = {"seat_id": one.seat, "reason": one.reason, "began_at": one.at, "who": one.who}
                await connection.execute(insert(self._store, SeatPauseRow).values(begun))

    async def beat_worker(self, worker: str, until: datetime) -> frozenset[str]:
        """Prolong the leases of a worker's calls; gives the ids of the calls that are still its own."""
        mine = and_(WaitingCallRow.worker == worker, _IS_OPEN)
        free = select(WaitingCallRow.id).where(mine).with_for_update(skip_locked=True, key_share=True)
        async with self._store.writing() as connection:
            prolong = update(WaitingCallRow).where(WaitingCallRow.id.in_(free)).values(lease_until=until)
            await connection.execute(prolong)
            rows = await connection.execute(select(WaitingCallRow.call_id).where(mine))
            return frozenset(rows.scalars())

    async def beat_seat(self, seat: str, until: datetime) -> bool:
        """Prolong a seat's lease; False if it has none (any more) and must sign in."""
        leased = and_(SeatRow.id == seat, SeatRow.state != "offline", SeatRow.lease_until.is_not(None))
        free = select(SeatRow.id).where(leased).with_for_update(skip_locked=True, key_share=True)
        async with self._store.writing() as connection:
            await connection.execute(update(SeatRow).where(SeatRow.id.in_(free)).values(lease_until=until))
            return (await connection.execute(select(SeatRow.id).where(leased))).first() is not None

    async def all_seats(self) -> tuple[Seat, ...]:
        """Every seat, offline ones too, by id."""
        async with self._store.reading() as connection:
            return await _seats(connection, true())

    async def queues(self) -> tuple[Queue, ...]:
        """Every queue, by name."""
        async with self._store.reading() as connection:
            rows = await connection.execute(select(*QueueRow.__table__.columns).order_by(QueueRow.name))
            return tuple(queue_of(row) for row in rows)

    async def put_queue(self, queue: Queue, before: Queue | None) -> bool:
        """Put a queue in place of what it was (None: of nothing); False if it is not that any more."""
        async with self._store.writing(f"queue:{queue.name}") as connection:
            if await _queue(connection, queue.name) != before:
                return False
            if before is None:
                await connection.execute(insert(self._store, QueueRow).values(values_of(queue)))
            elif values := changed_values(before, queue):
                change = update(QueueRow).where(QueueRow.name == queue.name)
                await connection.execute(change.values(values))
        return True

    async def remove_queue(self, name: str) -> None:
        """Delete a queue. Raises ConflictError where a call has ever been in it, or another overflows to it."""
        used = select(WaitingCallRow.id).where(WaitingCallRow.queue == name).limit(1)
        reached = select(QueueRow.name).where(QueueRow.overflow_to == name, QueueRow.name != name).limit(1)
        async with self._store.writing(f"queue:{name}") as connection:
            for query in (used, reached):
                if (await connection.execute(query)).first() is not None:
                    raise ConflictError(f"The queue {name} is in use.")
            await connection.execute(delete(QueueRow).where(QueueRow.name == name))

    async def calls_of(self, call: str) -> tuple[QueueCall, ...]:
        """Every place that a call has had in a line, the first before the last."""
        async with self._store.reading() as connection:
            return await _calls(connection, WaitingCallRow.call_id == call)

    async def last_seat(self, caller: str, customer: str, since: datetime) -> str | None:
        """The seat that served this number or this customer last, if it was after `since`."""
        same = _same_person(caller, customer)
        if same is None:
            return None
        query = (
            select(WaitingCallRow.seat_id)
            .where(same, WaitingCallRow.seat_id.is_not(None), WaitingCallRow.ended_at >= since)
            .order_by(WaitingCallRow.ended_at.desc(), WaitingCallRow.id)
            .limit(1)
        )
        async with self._store.reading() as connection:
            return (await connection.execute(query)).scalar()

    async def kept_place(self, number: str) -> QueueCall | None:
        """The place in line that is kept for a number to be called back, if there is one."""
        kept = and_(WaitingCallRow.state == "callback", WaitingCallRow.call_back_to == number)
        async with self._store.reading() as connection:
            return next(iter(await _calls(connection, kept)), None)

    async def talk_seconds(self, queue: str, limit: int = 30) -> tuple[float, ...]:
        """How long the latest served calls of a queue were talked with, the latest first (seconds)."""
        query = (
            select(WaitingCallRow.answered_at, WaitingCallRow.ended_at)
            .where(
                WaitingCallRow.queue == queue,
                WaitingCallRow.ended_at.is_not(None),
                WaitingCallRow.answered_at.is_not(None),
            )
            .order_by(WaitingCallRow.ended_at.desc(), WaitingCallRow.id)
            .limit(limit)
        )
        async with self._store.reading() as connection:
            rows = (await connection.execute(query)).all()
        return tuple((row.ended_at - row.answered_at) / timedelta(seconds=1) for row in rows)

    async def history(self, seat: str, limit: int = 100) -> tuple[SeatMove, ...]:
        """The latest changes of a seat's state, the newest first."""
        query = (
            select(
                SeatMoveRow.at,
                SeatMoveRow.seat_id,
                SeatMoveRow.before,
                SeatMoveRow.after,
                SeatMoveRow.reason,
                SeatMoveRow.call_id,
                SeatMoveRow.who,
            )
            .where(SeatMoveRow.seat_id == seat)
            .order_by(SeatMoveRow.id.desc())
            .limit(limit)
        )
        async with self._store.reading() as connection:
            rows: Iterable[Any] = await connection.execute(query)
            return tuple(SeatMove(*row) for row in rows)

    async def pauses(self, seat: str, limit: int = 100) -> tuple[SeatPause, ...]:
        """The latest pauses of a seat, the newest first."""
        query = (
            select(
                SeatPauseRow.seat_id,
                SeatPauseRow.reason,
                SeatPauseRow.began_at,
                SeatPauseRow.ended_at,
                SeatPauseRow.who,
            )
            .where(SeatPauseRow.seat_id == seat)
            .order_by(SeatPauseRow.id.desc())
            .limit(limit)
        )
        async with self._store.reading() as connection:
            return tuple(SeatPause(*row) for row in await connection.execute(query))

    async def add(self, *, queues: Sequence[Queue] = (), seats: Sequence[Seat] = ()) -> None:
        """Put in new queues and seats; those whose name or id is known stay as they are."""
        async with self._store.writing() as connection:
            for queue in queues:
                new_queue = insert(self._store, QueueRow).values(values_of(queue))
                await connection.execute(new_queue.on_conflict_do_nothing())
            for seat in seats:
                new_seat = insert(self._store, SeatRow).values(values_of(seat))
                await connection.execute(new_seat.on_conflict_do_nothing())

    async def remove(self, seat: str) -> bool:
        """Delete a seat with its history; False, and nothing done, unless it is offline and has never served.

        Records of calls name the seat that served them, so such a seat stays.
        """
        served = select(WaitingCallRow.id).where(WaitingCallRow.seat_id == seat).exists()
        idle = (SeatRow.id == seat, SeatRow.state == "offline", ~served)
        async with self._store.writing() as connection:
            gone = await connection.execute(delete(SeatRow).where(*idle).returning(SeatRow.id))
            return gone.first() is not None


def _same_person(caller: str, customer: str) -> ColumnElement[bool] | None:
    """Rows of that number or that customer; None when neither is known."""
    same = [WaitingCallRow.caller == caller] if caller else []
    same += [WaitingCallRow.customer == customer] if customer else []
    return or_(*same) if same else None


async def _seats(connection: AsyncConnection, condition: ColumnElement[bool]) -> tuple[Seat, ...]:
    rows = await connection.execute(_SEATS.where(condition).order_by(SeatRow.id))
    return tuple(seat_of(row) for row in rows)


async def _calls(connection: AsyncConnection, condition: ColumnElement[bool]) -> tuple[QueueCall, ...]:
    """In the order of the line; sorted here, because SQLite would rather read all calls there ever were in order."""
    found = [call_of(row) for row in await connection.execute(_CALLS.where(condition))]
    return tuple(sorted(found, key=lambda call: (call.queued_at, call.id)))


async def _queue(connection: AsyncConnection, name: str) -> Queue | None:
    query = select(*QueueRow.__table__.columns).where(QueueRow.name == name)
    row = (await connection.execute(query)).first()
    return None if row is None else queue_of(row)


async def _standing(connection: AsyncConnection, move: Move) -> Lost:
    """The rows of a move as they are, among them the open places of calls that would come in."""
    seats = await _seats(connection, SeatRow.id.in_([before.id for before, _ in move.seats]))
    ids, joining = [before.id for before, _ in move.calls], [one.call_id for one in move.joins]
    known = or_(WaitingCallRow.id.in_(ids), and_(WaitingCallRow.call_id.in_(joining), _IS_OPEN))
    return Lost(seats, await _calls(connection, known))
