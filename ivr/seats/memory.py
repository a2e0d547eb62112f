"""Queues and seats without a database, for simulators and tests: the same store, in dictionaries."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from policy_db.seat_facts import (
    OPEN_STATES,
    Lost,
    Move,
    Queue,
    QueueCall,
    Scene,
    Seat,
    SeatMove,
    Snapshot,
    history_of,
)

_ENDED_KEPT: Final = 1000
_HISTORY_KEPT: Final = 1000


async def _at_once() -> None:
    return


class MemorySeatStore:
    """A store in memory. `turn` is awaited wherever another process could come between, so that a simulator may.

    Of ended calls and of the history the latest thousand are kept.
    """

    def __init__(
        self,
        *,
        queues: Iterable[Queue] = (),
        seats: Iterable[Seat] = (),
        turn: Callable[[], Awaitable[None]] = _at_once,
    ) -> None:
        self.queues = {queue.name: queue for queue in queues}
        self.seats = {seat.id: seat for seat in seats}
        #: Open calls by the call's id.
        self.calls: dict[str, QueueCall] = {}
        self.ended: deque[QueueCall] = deque(maxlen=_ENDED_KEPT)
        self.history: deque[SeatMove] = deque(maxlen=_HISTORY_KEPT)
        self._turn = turn

    async def snapshot(self) -> Snapshot:
        """As the protocol says: the seats, then the calls."""
        await self._turn()
        seats = tuple(seat for seat in self.seats.values() if seat.state != "offline")
        await self._turn()
        return Snapshot(self.queues, seats, tuple(self.calls.values()))

    async def scene(self, *, call: str = "", seat: str = "") -> Scene:
        """As the protocol says: the call, then its seats."""
        await self._turn()
        if not call and seat in self.seats:
            call = self.seats[seat].call_id or ""
        found = self.calls.get(call)
        await self._turn()
        there = tuple(one for one in self.seats.values() if call and one.call_id == call)
        queue = None if found is None else self.queues[found.queue]
        return Scene(found, queue, there, self.seats.get(seat))

    async def apply(self, move: Move) -> Lost | None:
        """As the protocol says."""
        await self._turn()
        if not self._as_read(move):
            return self._standing(move)
        for _, after in move.seats:
            self.seats[after.id] = after
        for _, call in move.calls:
            self.calls[call.call_id] = call
            if call.state not in OPEN_STATES:
                del self.calls[call.call_id]
                self.ended.append(call)
        for call in move.joins:
            self.calls[call.call_id] = call
        self.history.extend(history_of(move))
        return None

    def _as_read(self, move: Move) -> bool:
        seats = all(_same(self.seats.get(before.id), before) for before, _ in move.seats)
        calls = all(_same(self.calls.get(before.call_id), before) for before, _ in move.calls)
        leaving = {before.call_id for before, after in move.calls if after.state not in OPEN_STATES}
        new = all(call.call_id not in self.calls or call.call_id in leaving for call in move.joins)
        return seats and calls and new

    def _standing(self, move: Move) -> Lost:
        seats = tuple(self.seats[before.id] for before, _ in move.seats)
        named = dict.fromkeys(
            [call.call_id for call, _ in move.calls] + [call.call_id for call in move.joins]
        )
        return Lost(seats, tuple(self.calls[name] for name in named if name in self.calls))

    async def beat_worker(self, worker: str, until: datetime) -> frozenset[str]:
        """As the protocol says."""
        await self._turn()
        mine = [call for call in self.calls.values() if call.worker == worker]
        for call in mine:
            self.calls[call.call_id] = replace(call, lease_until=until)
        return frozenset(call.call_id for call in mine)

    async def beat_seat(self, seat: str, until: datetime) -> bool:
        """As the protocol says."""
        await self._turn()
        known = self.seats.get(seat)
        if known is None or known.state == "offline" or known.lease_until is None:
            return False
        self.seats[seat] = replace(known, lease_until=until)
        return True

    async def last_seat(self, caller: str, customer: str, since: datetime) -> str | None:
        """As the protocol says."""
        await self._turn()
        for call in reversed(self.ended):
            same = (caller and call.caller == caller) or (customer and call.customer == customer)
            if same and call.seat_id is not None and call.ended_at is not None and call.ended_at >= since:
                return call.seat_id
        return None

    async def kept_place(self, number: str) -> QueueCall | None:
        """As the protocol says."""
        await self._turn()
        kept = (call for call in self.calls.values() if call.state == "callback")
        return next((call for call in kept if call.call_back_to == number), None)

    async def talk_seconds(self, queue: str, limit: int = 30) -> tuple[float, ...]:
        """As the protocol says."""
        await self._turn()
        talks = [
            (call.ended_at - call.answered_at) / timedelta(seconds=1)
            for call in reversed(self.ended)
            if call.queue == queue and call.ended_at is not None and call.answered_at is not None
        ]
        return tuple(talks[:limit])


def _same(now: Seat | QueueCall | None, before: Seat | QueueCall) -> bool:
    if now is None:
        return False
    return (now.id, now.version, now.lease_until) == (before.id, before.version, before.lease_until)
