"""What people at seats ask for, and what they do with a call between them; the same on every store."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.seats.seat_bench import Bench


async def test_signing_in_makes_a_seat_ready_and_a_console_that_comes_back_is_welcome(bench: Bench) -> None:
    assert (await bench.seat("ann")).state == "offline"
    assert await bench.desk.sign_in("ann")
    bench.later(10)
    assert await bench.desk.sign_in("ann")
    seat = await bench.seat("ann")
    assert (seat.state, seat.lease_until) == ("ready", bench.now + timedelta(seconds=15))
    assert (await bench.desk.sign_in("nobody")).why == "unknown"


async def test_a_seat_that_is_not_there_can_ask_for_nothing(bench: Bench) -> None:
    refused = await bench.desk.pause("ann", "lunch")
    assert (refused.done, refused.why) == (False, "offline")
    assert await bench.desk.sign_out("ann")
    assert (await bench.desk.resume("nobody")).why == "unknown"


async def test_pause_do_not_disturb_and_away_take_no_calls_until_the_seat_is_ready_again(
    bench: Bench,
) -> None:
    await bench.sign_in("bob")
    await bench.join("c1")
    for ask, state in (
        (bench.desk.pause("bob", "lunch"), "paused"),
        (bench.desk.do_not_disturb("bob"), "do_not_disturb"),
        (bench.desk.away("bob", "+8613700137000"), "away"),
    ):
        assert await ask
        assert (await bench.seat("bob")).state == state
        assert await bench.offers() == []
    assert (await bench.seat("bob")).forward_to == "+8613700137000"
    assert await bench.desk.resume("bob")
    assert (await bench.seat("bob")).forward_to == ""
    assert await bench.offers() == [("c1", "bob")]


@pytest.mark.parametrize("state", ["paused", "do_not_disturb", "away", "offline"])
async def test_what_is_asked_for_during_a_call_happens_after_it_and_its_notes(
    bench: Bench, state: str
) -> None:
    await bench.sign_in("bob")
    await bench.talk("c1")
    asks = {
        "paused": lambda: bench.desk.pause("bob", "lunch"),
        "do_not_disturb": lambda: bench.desk.do_not_disturb("bob"),
        "away": lambda: bench.desk.away("bob", "+86137"),
        "offline": lambda: bench.desk.sign_out("bob"),
    }
    assert await asks[state]()
    assert await asks[state]()
    assert (await bench.seat("bob")).state == "talking"
    await bench.desk.ended("c1")
    assert (await bench.seat("bob")).state == "wrap_up"
    bench.later(30)
    await bench.desk.sweep()
    seat = await bench.seat("bob")
    assert (seat.state, seat.reason) == (state, "lunch" if state == "paused" else "")
    assert seat.afterwards is None


async def test_a_request_during_a_call_can_be_taken_back(bench: Bench) -> None:
    await bench.sign_in("bob")
    await bench.talk("c1")
    await bench.desk.pause("bob", "lunch")
    await bench.desk.resume("bob")
    await bench.desk.ended("c1")
    await bench.desk.resume("bob")
    assert (await bench.seat("bob")).state == "ready"


async def test_wrap_up_lasts_its_time_and_not_longer_and_can_be_cut_short(bench: Bench) -> None:
    await bench.sign_in("bob", "cai")
    await bench.talk("c1")
    await bench.talk("c2")
    await bench.desk.ended("c1")
    ended_at = bench.now
    await bench.desk.ended("c2")
    assert await bench.desk.resume("cai")
    bench.later(29.9)
    assert await bench.desk.sweep() == ()
    bench.later(0.1)
    assert len(await bench.desk.sweep()) == 1
    assert await bench.desk.sweep() == ()
    seat = await bench.seat("bob")
    assert (seat.state, seat.idle_since) == ("ready", ended_at)


async def test_longest_idle_counts_from_the_last_call_and_not_from_signing_in(bench: Bench) -> None:
    await bench.sign_in("bob", "cai")
    assert await bench.talk("c1") == "bob"
    await bench.desk.ended("c1")
    bench.later(5)
    assert await bench.talk("c2") == "cai"
    await bench.desk.ended("c2")
    await bench.desk.sign_out("bob")
    bench.later(60)
    await bench.desk.sweep()
    await bench.sign_in("bob")
    await bench.join("c3")
    assert await bench.offers() == [("c3", "bob")]


async def test_a_seat_asked_for_advice_takes_the_caller_over(bench: Bench) -> None:
    await bench.sign_in("bob", "cai")
    await bench.talk("c1")
    assert await bench.desk.consult("c1", "cai")
    assert await bench.desk.consult("c1", "cai")
    assert (await bench.seat("cai")).part == "consult"
    early = await bench.desk.complete("c1", "cai")
    assert (early.done, early.why) == (False, "ringing")
    assert await bench.desk.answered("c1", "cai")
    assert (await bench.call("c1")).seat_id == "bob"  # type: ignore[union-attr]
    assert await bench.desk.complete("c1", "cai")
    assert await bench.desk.complete("c1", "cai")
    assert await bench.states() == {"ann": "offline", "bob": "wrap_up", "cai": "talking"}
    ended = await bench.desk.ended("c1")
    assert ended.call is not None
    assert ended.call.seat_id == "cai"


async def test_advice_that_is_missed_or_over_leaves_the_call_where_it_is(bench: Bench) -> None:
    await bench.sign_in("bob", "cai")
    await bench.talk("c1")
    await bench.desk.consult("c1", "cai")
    assert await bench.desk.missed("c1", "cai")
    assert (await bench.state("c1"), (await bench.seat("cai")).state) == ("connected", "ready")
    await bench.desk.consult("c1", "cai")
    await bench.desk.answered("c1", "cai")
    assert await bench.desk.drop("c1", "cai")
    assert (await bench.state("c1"), (await bench.seat("cai")).state) == ("connected", "ready")
    assert (await bench.desk.drop("c1", "cai")).why == "gone"
    assert (await bench.desk.complete("c1", "cai")).why == "gone"
    assert (await bench.desk.conference("c1", "cai")).why == "gone"


async def test_nobody_is_asked_for_advice_who_is_not_ready_or_about_no_call(bench: Bench) -> None:
    await bench.sign_in("bob", "cai")
    await bench.join("c1")
    assert (await bench.desk.consult("c1", "cai")).why == "waiting"
    await bench.offers()
    await bench.desk.answered("c1", "bob")
    await bench.desk.pause("cai", "lunch")
    assert (await bench.desk.consult("c1", "cai")).why == "paused"
    assert (await bench.desk.consult("c1", "nobody")).why == "unknown"
    assert (await bench.desk.consult("c9", "cai")).why == "gone"


async def test_in_a_conference_any_seat_may_leave_but_the_last(bench: Bench) -> None:
    await bench.sign_in("bob", "cai")
    await bench.talk("c1")
    await bench.desk.consult("c1", "cai")
    assert (await bench.desk.conference("c1", "cai")).why == "ringing"
    await bench.desk.answered("c1", "cai")
    assert (await bench.desk.drop("c1", "bob")).why == "last"
    assert await bench.desk.conference("c1", "cai")
    assert await bench.desk.conference("c1", "cai")
    assert await bench.desk.drop("c1", "bob")
    assert (await bench.seat("bob")).state == "wrap_up"
    call, seat = await bench.call("c1"), await bench.seat("cai")
    assert call is not None
    assert (call.seat_id, seat.part) == ("cai", "main")


async def test_everybody_at_a_call_is_free_when_it_ends(bench: Bench) -> None:
    await bench.sign_in("ann", "bob", "cai")
    seat = await bench.talk("c1")
    others = [one for one in ("ann", "bob", "cai") if one != seat]
    await bench.desk.consult("c1", others[0])
    await bench.desk.answered("c1", others[0])
    await bench.desk.conference("c1", others[0])
    await bench.desk.consult("c1", others[1])
    assert await bench.desk.abandon("c1")
    assert await bench.states() == {seat: "wrap_up", others[0]: "wrap_up", others[1]: "ready"}


async def test_a_call_sent_on_to_a_seat_rings_there_and_goes_to_the_next_if_it_is_missed(
    bench: Bench,
) -> None:
    await bench.sign_in("bob", "cai")
    await bench.talk("c1")
    assert (await bench.desk.hand_over("c1", seat="bob")).why == "talking"
    assert (await bench.desk.hand_over("c1", seat="nobody")).why == "unknown"
    assert await bench.desk.hand_over("c1", seat="cai", who="seat:bob")
    assert (await bench.state("c1"), (await bench.seat("bob")).state) == ("offered", "wrap_up")
    assert (await bench.desk.hand_over("c1", seat="cai")).why == "offered"
    await bench.desk.missed("c1", "cai")
    await bench.desk.resume("bob")
    assert await bench.offers() == [("c1", "bob")]
    assert (await bench.desk.hand_over("c9", seat="cai")).why == "gone"


async def test_a_call_sent_on_to_a_queue_keeps_its_place_in_time(bench: Bench) -> None:
    await bench.sign_in("bob")
    await bench.talk("c1")
    first = (await bench.call("c1")).entered_at  # type: ignore[union-attr]
    bench.later(60)
    sent = await bench.desk.hand_over("c1", queue="known")
    assert sent.call is not None
    assert (sent.call.queue, sent.call.state, sent.call.entered_at) == ("known", "waiting", first)
    assert (sent.call.seat_id, sent.call.answered_at, sent.call.queued_at) == (None, None, bench.now)
    assert (await bench.seat("bob")).state == "wrap_up"
    assert (await bench.desk.hand_over("c1", queue="known")).why == "waiting"
    assert (await bench.desk.hand_over("c1", queue="no such")).why == "unknown"
    assert (await bench.desk.hand_over("c9", queue="known")).why == "gone"


async def test_who_is_still_to_be_called_back_is_not_sent_on(bench: Bench) -> None:
    await bench.sign_in("bob", "cai")
    await bench.join("c1")
    await bench.desk.keep_place("c1", "+861")
    ((_, seat),) = await bench.offers()
    assert (await bench.desk.reached("c1")).why == "offered"
    await bench.desk.answered("c1", seat)
    assert (await bench.desk.hand_over("c1", queue="known")).why == "connected"
    assert (await bench.desk.hand_over("c1", seat="cai")).why == "connected"
