"""What a store of queues and seats must do: `policy_db.seats.Seats` in a database, `MemorySeatStore` without one."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from policy_db.seat_facts import Lost, Move, QueueCall, Scene, Snapshot


class SeatStore(Protocol):
    """Reads, and the one write that changes rows only if they still are as they were read."""

    async def snapshot(self) -> Snapshot:
        """All queues, the seats that are not offline, then the open calls."""

    async def scene(self, *, call: str = "", seat: str = "") -> Scene:
        """A call with everybody at it, named by itself or by one of its seats; the call is read first."""

    async def apply(self, move: Move) -> Lost | None:
        """Make all of a move, or none of it and say how the rows stand now. Never waits for another's change."""

    async def beat_worker(self, worker: str, until: datetime) -> frozenset[str]:
        """Prolong the leases of a worker's calls; gives the ids of the calls that are still its own."""

    async def beat_seat(self, seat: str, until: datetime) -> bool:
        """Prolong a seat's lease; False if it has none (any more)."""

    async def last_seat(self, caller: str, customer: str, since: datetime) -> str | None:
        """The seat that served this number or customer last, if it was after `since`."""

    async def kept_place(self, number: str) -> QueueCall | None:
        """The place in line that is kept for a number to be called back."""

    async def talk_seconds(self, queue: str, limit: int = 30) -> tuple[float, ...]:
        """How long the latest served calls of a queue were talked with, the latest first."""
