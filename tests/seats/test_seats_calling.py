"""Calls that a seat makes: for it alone, before all others, once; afterwards it is as it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ivr.seats import Caller, Desk, Joined, MemorySeatStore
from ivr.seats.calling import TAKEN_UP_WITHIN
from policy_db.seat_facts import Queue, Seat

NUMBER = "+8613800138000"


class HandClock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 10, 2, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def desk(clock: HandClock) -> Desk:
    store = MemorySeatStore(
        queues=[Queue("service")],
        seats=[Seat("anna", "Anna", "browser", ("zh-CN",)), Seat("ben", "Ben", "browser", ("zh-CN",))],
    )
    desk = Desk(store, clock=clock)
    for seat in ("anna", "ben"):
        assert await desk.sign_in(seat, console=False)
    return desk


async def seat(desk: Desk, name: str) -> Seat:
    found = (await desk.store.scene(seat=name)).seat
    assert found is not None
    return found


async def test_the_seat_that_calls_is_rung_before_all_who_wait(desk: Desk) -> None:
    assert await desk.pause("ben", "lunch")
    assert await desk.pause("anna", "lunch")
    joined = await desk.join("c1", queue="service", worker="w", caller=Caller(priority=50))
    assert isinstance(joined, Joined)
    assert await desk.call_out("out1", "anna", NUMBER, customer="C1")
    (offer,) = await desk.next_offers("w")
    assert (offer.call_id, offer.seat.id, offer.call.call_back_to) == ("out1", "anna", NUMBER)


async def test_who_was_paused_is_paused_again_after_the_call(desk: Desk) -> None:
    assert await desk.pause("anna", "lunch")
    assert await desk.call_out("out1", "anna", NUMBER)
    await desk.next_offers("w")
    assert await desk.answered("out1", "anna")
    assert await desk.reached("out1")
    assert await desk.ended("out1")
    assert (await seat(desk, "anna")).state == "wrap_up"
    assert await desk.sign_in("anna", console=False)


async def test_a_seat_that_does_not_pick_up_its_own_call_ends_it_and_nobody_else_is_rung(desk: Desk) -> None:
    assert await desk.pause("anna", "lunch")
    assert await desk.call_out("out1", "anna", NUMBER)
    await desk.next_offers("w")
    result = await desk.refused("out1", "anna")
    assert result.call is not None
    assert (result.call.state, result.call.outcome) == ("ended", "seat_not_there")
    assert ((await seat(desk, "anna")).state, (await seat(desk, "anna")).reason) == ("paused", "lunch")
    assert await desk.next_offers("w") == ()


async def test_who_is_not_reached_is_not_tried_again_by_itself(desk: Desk) -> None:
    assert await desk.call_out("out1", "anna", NUMBER)
    await desk.next_offers("w")
    await desk.answered("out1", "anna")
    result = await desk.not_reached("out1")
    assert result.call is not None
    assert (result.call.state, result.call.outcome) == ("ended", "not_reached")


async def test_a_call_that_no_worker_takes_up_ends_and_the_seat_is_as_it_was(
    desk: Desk, clock: HandClock
) -> None:
    assert await desk.do_not_disturb("anna")
    assert await desk.call_out("out1", "anna", NUMBER)
    assert await desk.sweep() == ()
    clock.forward(TAKEN_UP_WITHIN + 1)
    await desk.sweep()
    await desk.sweep()
    assert (await seat(desk, "anna")).state == "do_not_disturb"
    assert await desk.next_offers("w") == ()


async def test_a_seat_with_a_call_or_away_cannot_call(desk: Desk) -> None:
    assert await desk.call_out("out1", "anna", NUMBER)
    await desk.next_offers("w")
    assert (await desk.call_out("out2", "anna", NUMBER)).why == "ringing"
    assert await desk.sign_out("ben")
    assert (await desk.call_out("out3", "ben", NUMBER)).why == "offline"


async def test_wrap_up_can_be_longer_but_only_while_it_lasts(desk: Desk, clock: HandClock) -> None:
    await desk.join("c1", queue="service", worker="w")
    (offer,) = await desk.next_offers("w")
    await desk.answered("c1", offer.seat.id)
    await desk.ended("c1")
    before = (await seat(desk, offer.seat.id)).wrap_up_until
    assert before is not None
    result = await desk.more_wrap_up(offer.seat.id, 60)
    assert result.seats[0].wrap_up_until == before + timedelta(seconds=60)
    assert await desk.resume(offer.seat.id)
    assert (await desk.more_wrap_up(offer.seat.id, 60)).why == "ready"
