"""Whatever dies, what it held comes free: by any worker's sweep, once; the same on every store."""

from __future__ import annotations

import pytest

from tests.seats.seat_bench import Bench


async def test_the_calls_of_a_dead_worker_end_and_the_seats_at_them_are_free(bench: Bench) -> None:
    await bench.sign_in("ann", "bob", "cai")
    talks = await bench.talk("talking", worker="dead")
    await bench.join("ringing", worker="dead")
    ((_, rings),) = await bench.offers("dead")
    await bench.join("waiting", worker="dead")
    await bench.join("living", worker="w2")
    await bench.live(15, "w2")
    other = bench.another_desk()
    assert await other.sweep() == ()
    await bench.live(5, "w2")
    assert len(await other.sweep()) == 3
    assert await other.sweep() == ()
    states = await bench.states()
    assert (states[talks], states[rings]) == ("wrap_up", "ready")
    assert [call.call_id for call in (await bench.store.snapshot()).calls] == ["living"]
    assert await bench.desk.heartbeat("dead") == frozenset()
    assert not await bench.desk.answered("ringing", rings)


async def test_a_dead_worker_does_not_take_a_kept_place_with_it(bench: Bench) -> None:
    await bench.sign_in("bob")
    await bench.join("c1", worker="dead")
    await bench.desk.keep_place("c1", "+861")
    assert await bench.offers("dead") == [("c1", "bob")]
    await bench.desk.answered("c1", "bob")
    await bench.live(20)
    await bench.desk.sweep()
    assert await bench.state("c1") == "callback"
    await bench.desk.resume("bob")
    assert await bench.offers("w2") == [], "their telephone may be ringing still"
    bench.later(601)
    assert await bench.offers("w2") == [("c1", "bob")]


@pytest.mark.parametrize("state", ["ready", "paused", "wrap_up"])
async def test_a_seat_without_its_console_goes_offline(bench: Bench, state: str) -> None:
    await bench.sign_in("cai")
    await bench.desk.sign_in("bob")
    if state == "paused":
        await bench.desk.pause("bob", "lunch")
    if state == "wrap_up":
        await bench.desk.pause("cai", "lunch")
        await bench.talk("c1")
        await bench.desk.ended("c1")
    await bench.live(15)
    assert await bench.desk.sweep() == ()
    bench.later(1)
    await bench.desk.sweep()
    seat = await bench.seat("bob")
    assert (seat.state, seat.reason, (await bench.seat("cai")).state != "offline") == (
        "offline",
        "console lost",
        True,
    )
    assert not await bench.desk.seat_heartbeat("bob")


async def test_a_console_that_beats_keeps_its_seat(bench: Bench) -> None:
    await bench.desk.sign_in("bob")
    await bench.live(60, seats=("bob",))
    assert await bench.desk.sweep() == ()
    assert (await bench.seat("bob")).state == "ready"


async def test_the_caller_of_a_ringing_seat_whose_console_is_gone_goes_to_the_next(bench: Bench) -> None:
    await bench.desk.sign_in("bob")
    await bench.join("c1")
    assert await bench.offers() == [("c1", "bob")]
    await bench.live(15, "w1")
    await bench.sign_in("cai")
    await bench.desk.sweep()
    assert await bench.states() == {"ann": "offline", "bob": "offline", "cai": "ready"}
    assert await bench.offers() == [("c1", "cai")]


async def test_a_browser_seat_takes_its_voice_with_it_and_the_caller_waits_in_their_place(
    bench: Bench,
) -> None:
    await bench.desk.sign_in("bob")
    await bench.talk("c1")
    entered = (await bench.call("c1")).entered_at  # type: ignore[union-attr]
    await bench.live(20, "w1")
    await bench.desk.sweep()
    call = await bench.call("c1")
    assert call is not None
    assert (call.state, call.entered_at, (await bench.seat("bob")).state) == ("waiting", entered, "offline")


async def test_a_seat_with_a_telephone_talks_on_without_its_console_and_is_offline_afterwards(
    bench: Bench,
) -> None:
    await bench.desk.sign_in("cai")
    await bench.talk("c1")
    await bench.live(20, "w1")
    assert len(await bench.desk.sweep()) == 1
    assert await bench.desk.sweep() == ()
    assert await bench.state("c1") == "connected"
    await bench.desk.ended("c1")
    bench.later(30)
    await bench.desk.sweep()
    seat = await bench.seat("cai")
    assert (seat.state, seat.reason) == ("offline", "console lost")


async def test_a_console_that_comes_back_during_the_call_keeps_the_seat_there(bench: Bench) -> None:
    await bench.desk.sign_in("cai")
    await bench.talk("c1")
    await bench.live(20, "w1")
    await bench.desk.sweep()
    assert await bench.desk.sign_in("cai")
    await bench.desk.ended("c1")
    await bench.desk.resume("cai")
    assert (await bench.seat("cai")).state == "ready"


async def test_a_browser_that_leaves_a_conference_leaves_the_caller_to_the_others(bench: Bench) -> None:
    await bench.desk.sign_in("bob")
    await bench.talk("c1")
    await bench.sign_in("cai")
    await bench.desk.consult("c1", "cai")
    await bench.desk.answered("c1", "cai")
    await bench.desk.conference("c1", "cai")
    await bench.live(20, "w1")
    await bench.desk.sweep()
    call = await bench.call("c1")
    assert call is not None
    assert (call.state, call.seat_id, (await bench.seat("bob")).state) == ("connected", "cai", "offline")


async def test_a_browser_asked_for_advice_may_vanish_ringing_or_talking(bench: Bench) -> None:
    await bench.sign_in("cai")
    await bench.talk("c1")
    for answers in (False, True):
        await bench.desk.sign_in("bob")
        await bench.desk.consult("c1", "bob")
        if answers:
            await bench.desk.answered("c1", "bob")
        await bench.live(20, "w1")
        await bench.desk.sweep()
        assert await bench.states() == {"ann": "offline", "bob": "offline", "cai": "talking"}
        assert await bench.state("c1") == "connected"


async def test_a_ring_that_its_worker_forgot_is_missed_after_a_grace(bench: Bench) -> None:
    await bench.sign_in("bob")
    await bench.join("c1")
    await bench.offers()
    await bench.live(25, "w1")
    assert await bench.desk.sweep() == ()
    bench.later(0.1)
    assert len(await bench.desk.sweep()) == 1
    seat = await bench.seat("bob")
    assert (seat.state, seat.missed, await bench.state("c1")) == ("ready", 1, "waiting")
