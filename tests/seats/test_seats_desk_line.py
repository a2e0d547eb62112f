"""The callers' side of the desk, the same on every store."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ivr.seats import Caller, Desk, NotJoined
from tests.seats.seat_bench import START, Bench


async def test_a_caller_is_offered_to_a_seat_answered_served_and_written_down(bench: Bench) -> None:
    await bench.sign_in("bob")
    call = await bench.join("c1", number="+861", customer="C1", policy="86001234", language="zh-CN")
    assert (call.state, call.worker, call.caller, call.policy) == ("waiting", "w1", "+861", "86001234")
    (offer,) = await bench.desk.next_offers("w1")
    assert (offer.call_id, offer.seat.id, offer.seat.state, offer.queue.ring_seconds) == (
        "c1",
        "bob",
        "ringing",
        20,
    )
    bench.later(3)
    answered = await bench.desk.answered("c1", "bob")
    assert answered.call is not None
    assert (answered.call.state, answered.call.seat_id) == ("connected", "bob")
    assert answered.call.answered_at == bench.now
    bench.later(60)
    ended = await bench.desk.ended("c1")
    assert ended.call is not None
    assert (ended.call.state, ended.call.outcome, ended.call.seat_id) == ("ended", "served", "bob")
    assert (await bench.seat("bob")).state == "wrap_up"
    assert await bench.call("c1") is None


async def test_a_worker_is_offered_seats_for_its_own_calls_alone_and_the_head_of_the_line_comes_first(
    bench: Bench,
) -> None:
    await bench.sign_in("bob")
    await bench.join("first", worker="w1")
    bench.later(1)
    await bench.join("second", worker="w2")
    assert await bench.offers("w2") == []
    assert await bench.offers("w1") == [("first", "bob")]
    await bench.desk.ended("first")
    await bench.sign_in("cai")
    assert await bench.offers("w1") == []
    assert await bench.offers("w2") == [("second", "bob")]


async def test_a_call_whose_worker_is_not_heard_of_does_not_hold_back_those_behind(bench: Bench) -> None:
    await bench.sign_in("bob")
    await bench.join("first", worker="dead")
    await bench.join("second", worker="w2")
    await bench.live(5, "w2")
    assert await bench.offers("w2") == []
    await bench.live(5, "w2")
    assert await bench.offers("w2") == [("second", "bob")]


async def test_joining_twice_is_joining_once(bench: Bench) -> None:
    await bench.sign_in()
    assert await bench.join("c1") == await bench.join("c1")


async def test_why_a_call_is_not_taken_into_line(bench: Bench) -> None:
    assert await bench.desk.join("c1", queue="claims", worker="w1") == NotJoined("nobody")
    assert await bench.desk.join("c1", queue="no such", worker="w1") == NotJoined("unknown")
    await bench.sign_in("ann")
    english = Caller(language="en")
    assert not isinstance(await bench.desk.join("c1", queue="claims", worker="w1", caller=english), NotJoined)
    french = Caller(language="fr")
    assert await bench.desk.join("c2", queue="claims", worker="w1", caller=french) == NotJoined("nobody")
    bench.open_queues.clear()
    assert await bench.desk.join("c3", queue="claims", worker="w1") == NotJoined("closed")


async def test_a_full_queue_passes_on_to_the_one_it_overflows_to_and_both_full_refuse(bench: Bench) -> None:
    await bench.sign_in("cai")
    for number in range(2):
        assert (await bench.join(f"n{number}", "night")).queue == "night"
    assert (await bench.join("n2", "night")).queue == "service"
    bench.open_queues.discard("service")
    assert await bench.desk.join("n3", queue="night", worker="w1") == NotJoined("full")


async def test_who_has_waited_long_overflows_with_their_place_in_time_and_not_back(bench: Bench) -> None:
    await bench.sign_in("cai")
    await bench.desk.pause("cai", "lunch")
    await bench.join("c1")
    await bench.live(85, "w1")
    assert await bench.desk.sweep() == ()
    await bench.live(5, "w1")
    (done,) = await bench.desk.sweep()
    assert done.call is not None
    assert (done.call.queue, done.call.entered_at, done.call.visited) == (
        "night",
        START + timedelta(seconds=1),
        ("service",),
    )
    await bench.live(90, "w1")
    assert await bench.desk.sweep() == ()


async def test_a_seat_that_misses_or_declines_is_passed_over_for_a_while(bench: Bench) -> None:
    await bench.sign_in("bob", "cai")
    await bench.join("c1")
    assert await bench.offers() == [("c1", "bob")]
    assert await bench.desk.refused("c1", "bob")
    assert await bench.offers() == [("c1", "cai")]
    assert await bench.desk.missed("c1", "cai")
    assert await bench.offers() == []
    bench.later(10)
    await bench.desk.heartbeat("w1")
    assert await bench.offers() == [("c1", "bob")]


async def test_the_second_missed_ring_in_a_row_pauses_the_seat_and_an_answer_between_forgives(
    bench: Bench,
) -> None:
    await bench.sign_in("bob")
    for call, answers in (("c1", False), ("c2", True), ("c3", False), ("c4", False)):
        await bench.join(call)
        assert await bench.offers() == [(call, "bob")]
        if answers:
            await bench.desk.answered(call, "bob")
            await bench.desk.ended(call)
            await bench.desk.resume("bob")
        else:
            await bench.desk.missed(call, "bob")
            await bench.desk.abandon(call)
    seat = await bench.seat("bob")
    assert (seat.state, seat.reason, seat.missed) == ("paused", "no answer", 0)


async def test_a_declined_call_never_pauses_a_seat(bench: Bench) -> None:
    await bench.sign_in("bob")
    for number in range(4):
        await bench.join(f"c{number}")
        await bench.offers()
        assert await bench.desk.refused(f"c{number}", "bob")
        await bench.desk.abandon(f"c{number}")
    assert (await bench.seat("bob")).state == "ready"


@pytest.mark.parametrize("how", ["left", "voicemail"])
async def test_a_caller_leaves_the_line_while_it_rings_and_the_seat_is_free(bench: Bench, how: str) -> None:
    await bench.sign_in("bob")
    await bench.join("c1")
    await bench.offers()
    left = await bench.desk.leave("c1", how)  # type: ignore[arg-type]
    assert left.call is not None
    assert (left.call.state, left.call.ended_at) == (how, bench.now)
    assert (await bench.seat("bob")).state == "ready"
    late = await bench.desk.answered("c1", "bob")
    assert (late.done, late.why) == (False, "gone")


async def test_hanging_up_and_answering_at_once_has_one_winner_whom_the_other_is_told(bench: Bench) -> None:
    await bench.sign_in("bob")
    await bench.join("c1")
    await bench.offers()
    assert await bench.desk.answered("c1", "bob")
    assert await bench.desk.answered("c1", "bob")
    late = await bench.desk.leave("c1")
    assert (late.done, late.why) == (False, "connected")
    assert late.call is not None
    assert late.call.seat_id == "bob"
    hung_up = await bench.desk.abandon("c1")
    assert hung_up.call is not None
    assert (hung_up.call.state, hung_up.call.outcome) == ("ended", "hung_up")
    assert not await bench.desk.abandon("c1")
    assert not await bench.desk.missed("c1", "bob")


async def test_a_kept_place_is_served_in_its_turn_by_any_worker_the_seat_first(bench: Bench) -> None:
    await bench.sign_in("bob")
    busy = await bench.talk("busy")
    first = await bench.join("c1", number="+861")
    bench.later(1)
    await bench.join("c2")
    assert await bench.desk.keep_place("c1", "+8613900139000")
    hung_up = await bench.desk.abandon("c1")
    assert (hung_up.done, hung_up.why) == (False, "callback")
    await bench.desk.ended("busy")
    await bench.desk.resume(busy)
    assert await bench.desk.next_offers("w2", call_backs=False) == ()
    assert await bench.offers("w1") == [("c1", "bob")]
    call = await bench.call("c1")
    assert call is not None
    assert (call.worker, call.entered_at, call.call_back_to) == ("w1", first.entered_at, "+8613900139000")
    assert await bench.desk.answered("c1", "bob")
    assert await bench.desk.reached("c1")
    assert await bench.desk.reached("c1")
    assert (await bench.desk.ended("c1")).call is not None


async def test_who_cannot_be_reached_is_tried_again_later_three_times(bench: Bench) -> None:
    await bench.sign_in("cai")
    await bench.join("c1")
    await bench.desk.keep_place("c1", "+861")
    for attempt in (1, 2, 3):
        assert await bench.offers("w2") == [("c1", "cai")]
        assert not await bench.desk.not_reached("c1")
        assert await bench.desk.answered("c1", "cai")
        result = await bench.desk.not_reached("c1")
        assert result.call is not None
        await bench.desk.resume("cai")
        if attempt < 3:
            assert (result.call.state, result.call.attempts) == ("callback", attempt)
            assert await bench.offers("w2") == []
            bench.later(600)
    assert (result.call.state, result.call.outcome) == ("ended", "not_reached")


async def test_one_number_keeps_one_place_the_earlier(bench: Bench) -> None:
    await bench.sign_in("bob")
    await bench.join("c1")
    await bench.join("c2")
    await bench.desk.keep_place("c1", "+861")
    second = await bench.desk.keep_place("c2", "+861")
    assert second
    assert second.call is not None
    assert second.call.call_id == "c1"
    assert await bench.call("c2") is None


async def test_a_queue_without_call_backs_keeps_no_place(bench: Bench) -> None:
    await bench.sign_in("bob")
    await bench.join("c1", "night")
    refused = await bench.desk.keep_place("c1", "+861")
    assert (refused.done, refused.why) == (False, "not_allowed")


async def test_the_seat_that_knows_the_caller_is_waited_for_a_few_seconds(bench: Bench) -> None:
    await bench.sign_in("ann", "bob")
    assert await bench.talk("c1", "known", number="+861") == "ann"
    await bench.desk.ended("c1")
    bench.later(60)
    again = await bench.join("c2", "known", number="+861")
    assert again.preferred_seat == "ann"
    assert await bench.offers() == []  # Ann still writes her notes
    await bench.desk.sweep()
    assert await bench.offers() == [("c2", "ann")]
    await bench.join("c3", "known", number="+861")
    assert await bench.offers() == []
    bench.later(5)
    assert await bench.offers() == [("c3", "bob")]


async def test_listeners_hear_of_a_change_once_it_is_made_and_cannot_undo_it(bench: Bench) -> None:
    await bench.sign_in("bob")
    await bench.join("c1")
    bench.told.clear()
    await bench.offers()
    (change,) = bench.told
    assert (change.who, change.seats[0].state, change.calls[0].state) == ("worker:w1", "ringing", "offered")

    def fails(change: object) -> None:
        raise RuntimeError("the board is broken")

    deaf = Desk(bench.store, clock=lambda: bench.now, listener=fails)
    assert await deaf.answered("c1", "bob")


async def test_what_a_caller_is_told_of_the_wait(bench: Bench) -> None:
    await bench.sign_in("bob")
    await bench.talk("c1")
    bench.later(30)
    await bench.desk.ended("c1")
    await bench.desk.resume("bob")
    await bench.talk("c2")
    await bench.join("c3")
    told = await bench.desk.expected_wait("c3")
    assert told is not None
    assert (told.position, told.seconds, told.least, told.most) == (1, 60.0, 1, 2)
    assert await bench.desk.expected_wait("c2") is None
    assert [call.call_id for call in await bench.desk.carried("w1")] == ["c2", "c3"]
