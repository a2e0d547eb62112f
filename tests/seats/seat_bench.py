"""A desk to try things on: a clock moved by hand, four queues, three seats, and what was told to the listener."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ivr.seats import Caller, Changed, Desk, Joined, Rules, SeatStore
from policy_db.seat_facts import Queue, QueueCall, Seat

START = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)
QUEUES = (
    Queue(
        "service",
        ageing_seconds=60,
        wrap_up_seconds=30,
        ring_seconds=20,
        overflow_to="night",
        overflow_seconds=90,
    ),
    Queue("night", most_waiting=2, overflow_to="service", overflow_seconds=60, call_back=False),
    Queue("claims", skills={"claims": 2}, wrap_up_seconds=0),
    Queue("known", strategy="last_seat_first", patience_seconds=5, wrap_up_seconds=2),
)
SEATS = (
    Seat("ann", "Ann", "sip:ann@127.0.0.1:5071", ("zh-CN", "en"), {"claims": 3}),
    Seat("bob", "Bob", "browser", ("zh-CN",)),
    Seat("cai", "蔡", "+861012345678", ("zh-CN",)),
)


class Bench:
    """One desk; `later` makes another on the same store, as another process would have it."""

    def __init__(self, store: SeatStore) -> None:
        self.store = store
        self.now = START
        self.told: list[Changed] = []
        self._ids = itertools.count(1)
        self.open_queues = {queue.name for queue in QUEUES}
        self.desk = self.another_desk()

    def another_desk(self, **options: Any) -> Desk:
        return Desk(
            self.store,
            clock=lambda: self.now,
            ids=lambda: f"p{next(self._ids)}",
            is_open=lambda queue, now: queue.name in self.open_queues,
            listener=self.told.append,
            **options,
        )

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    async def sign_in(self, *seats: str) -> None:
        for seat in seats or ("ann", "bob", "cai"):
            assert await self.desk.sign_in(seat, console=False)
            self.later(1)

    async def join(self, call: str, queue: str = "service", worker: str = "w1", **caller: Any) -> QueueCall:
        joined = await self.desk.join(call, queue=queue, worker=worker, caller=Caller(**caller))
        assert isinstance(joined, Joined), joined
        return joined.call

    async def offers(self, worker: str = "w1") -> list[tuple[str, str]]:
        return [(offer.call_id, offer.seat.id) for offer in await self.desk.next_offers(worker)]

    async def talk(self, call: str, queue: str = "service", worker: str = "w1", **caller: Any) -> str:
        """Bring a call to a seat that answers; gives the seat."""
        await self.join(call, queue, worker, **caller)
        ((_, seat),) = await self.offers(worker)
        assert await self.desk.answered(call, seat)
        return seat

    async def seat(self, seat: str) -> Seat:
        found = (await self.store.scene(seat=seat)).seat
        assert found is not None
        return found

    async def states(self) -> dict[str, str]:
        return {seat.id: (await self.seat(seat.id)).state for seat in SEATS}

    async def call(self, call: str) -> QueueCall | None:
        return (await self.store.scene(call=call)).call

    async def state(self, call: str) -> str | None:
        found = await self.call(call)
        return None if found is None else found.state

    async def live(self, seconds: float, *workers: str, seats: tuple[str, ...] = ()) -> None:
        """Time goes by, and who is named lives on."""
        for _ in range(int(seconds // 5)):
            self.later(5)
            for worker in workers:
                await self.desk.heartbeat(worker)
            for seat in seats:
                await self.desk.seat_heartbeat(seat)


#: Beats are not what most tests are about.
PATIENT = replace(Rules(), lease_seconds=3600.0, late_seconds=3500.0)
