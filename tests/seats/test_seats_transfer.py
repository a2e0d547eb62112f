"""Callers on their way to a seat, on the script line with virtual time and a store in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from ivr.flow.instructions import Transfer
from ivr.lines.base import Leg
from ivr.lines.script import HangUp, Wait
from ivr.seats import Caller
from ivr.seats.handling import CallerGone, Handling, Tools
from tests.seats.floor import AT_ONCE, WHISPER, Place


@pytest.fixture
def place(floor: Place) -> Place:
    """The worker and its seats."""
    return floor


async def test_a_caller_hears_music_a_free_seat_is_rung_told_why_and_then_they_talk(place: Place) -> None:
    people = place.seat_does("ann", Wait(40), HangUp())
    await place.sign_in("ann")
    caller = await place.call("c1")

    assert await place.over("c1") == "answered"

    assert place.line.dialled == [(0.0, "sip:ann@desk", "+8613800138000")]
    assert place.ears.heard == [(0.0, "music"), (5.0, "joined caller"), (5.0, "joined ann")]
    assert people[0].heard == (WHISPER,)
    ((seat, request),) = place.whispers
    assert (seat, request.details) == ("ann", {"reason": "claim"})
    row = place.row("c1")
    assert (row.state, row.outcome, row.seat_id, row.policy) == ("ended", "served", "ann", "86001234")
    assert place.states() == {"ann": "wrap_up", "bob": "offline"}
    assert caller.end is None, "the caller is back in the flow"
    await place.at(80)
    assert place.states()["ann"] == "ready", "the wrap-up is over"


async def test_a_seat_that_does_not_answer_in_the_ring_time_of_its_queue_is_followed_by_the_next(
    place: Place,
) -> None:
    place.seat_does("ann", after=None)
    place.seat_does("bob", Wait(10), HangUp())
    await place.sign_in("ann", "bob")
    await place.call("c1")

    assert await place.over("c1") == "answered"

    assert [(at, to) for at, to, _ in place.line.dialled] == [(0.0, "sip:ann@desk"), (20.0, "sip:bob@desk")]
    assert place.store.seats["ann"].missed == 1
    assert place.row("c1").seat_id == "bob"


async def test_a_seat_that_declines_is_not_blamed_and_the_next_is_rung_at_once(place: Place) -> None:
    place.line.declining.add("sip:ann@desk")
    place.seat_does("bob", Wait(10), HangUp())
    await place.sign_in("ann", "bob")
    await place.call("c1")

    assert await place.over("c1") == "answered"

    assert [to for _, to, _ in place.line.dialled] == ["sip:ann@desk", "sip:bob@desk"]
    assert place.line.dialled[1][0] <= 1.0
    assert (place.states()["ann"], place.store.seats["ann"].missed) == ("ready", 0)


async def test_a_seat_whose_telephone_cannot_be_reached_is_paused_after_two_calls(place: Place) -> None:
    await place.sign_in("ann")
    await place.call("c1", timeout=30)

    assert await place.over("c1") == "timeout"

    assert len(place.line.dialled) == 2
    assert (place.states()["ann"], place.store.seats["ann"].reason) == ("paused", "unreachable")


async def test_a_caller_for_whom_nobody_answers_is_back_in_time_and_the_ring_ends(place: Place) -> None:
    place.seat_does("ann", after=None)
    people = place.seat_does("bob", after=None)
    await place.sign_in("ann", "bob")
    await place.call("c1", timeout=30)

    assert await place.over("c1") == "timeout"

    assert round(place.clock.time(), 2) == 30.0
    assert (place.row("c1").state, place.row("c1").outcome) == ("left", "timeout")
    assert people[0].end is not None
    assert place.states() == {"ann": "ready", "bob": "ready"}


async def test_where_nobody_is_signed_in_the_queue_is_closed_and_no_music_is_begun(place: Place) -> None:
    await place.call("c1")

    assert await place.over("c1") == "closed"

    assert place.ears.heard == []
    assert place.clock.time() == 0.0


async def test_a_queue_in_which_too_many_wait_is_busy(place: Place) -> None:
    await place.sign_in("ann")
    assert await place.transfers.desk.pause("ann", "tea")
    for call in ("c1", "c2"):
        await place.call(call)
        await place.until(lambda call=call: call in place.store.calls)
    await place.call("c3")

    assert await place.over("c3") == "busy"


async def test_a_caller_gets_a_seat_that_another_process_has_made_ready_within_a_second(place: Place) -> None:
    place.seat_does("ann", Wait(5), HangUp())
    await place.sign_in("ann")
    assert await place.transfers.desk.pause("ann", "tea")
    await place.call("c1")
    await place.at(10.2)
    paused = place.store.seats["ann"]  # changed as by another process: nobody here is told of it
    place.store.seats["ann"] = replace(paused, state="ready", reason="", version=paused.version + 1)

    assert await place.over("c1") == "answered"

    ((rung_at, _, _),) = place.line.dialled
    assert 10.2 <= rung_at <= 11.2


@pytest.mark.parametrize(
    ("at", "state", "outcome", "seat"),
    [
        (1.0, "abandoned", "hung_up", "ready"),  # ringing
        (3.0, "ended", "hung_up", "wrap_up"),  # the whisper
        (20.0, "ended", "hung_up", "wrap_up"),  # talking
    ],
)
async def test_a_caller_who_hangs_up_leaves_nothing_behind(
    place: Place, at: float, state: str, outcome: str, seat: str
) -> None:
    people = place.seat_does("ann", Wait(100))
    await place.sign_in("ann")
    await place.call("c1", Wait(at), HangUp())

    await place.at(at + 1)

    assert (place.row("c1").state, place.row("c1").outcome) == (state, outcome)
    assert place.states()["ann"] == seat
    assert people[0].end is not None, "the seat's telephone is hung up"
    assert place.line.active == 0


async def test_a_caller_who_hangs_up_while_waiting_leaves_the_line(place: Place) -> None:
    await place.sign_in("ann")
    assert await place.transfers.desk.pause("ann", "tea")
    await place.call("c1", Wait(7), HangUp())

    await place.at(8)

    assert place.row("c1").state == "abandoned"
    assert not place.store.calls


async def test_at_whatever_instant_the_caller_hangs_up_everything_is_given_back() -> None:
    """In steps that meet the very instants of answer (2 s), bridge (5 s), the seat's end (6 s) and the ring's."""
    for step in range(30):
        place = Place()
        place.seat_does("ann", Wait(4), HangUp())
        place.seat_does("bob", after=None)
        async with place.transfers.tended():
            await place.sign_in("ann", "bob")
            await place.call("c1", Wait(step / 4), HangUp())
            await place.at(10)
            await asyncio.gather(*place.tasks, return_exceptions=True)
        assert place.line.active == 0, f"a leg is left after {step / 4} s"
        assert not place.ears.hearing, f"sound is left after {step / 4} s"
        assert not place.store.calls, f"a place is left after {step / 4} s"
        assert set(place.states().values()) <= {"ready", "wrap_up"}, f"a seat is left after {step / 4} s"


async def test_a_seat_that_hangs_up_before_it_has_heard_the_caller_is_followed_by_the_next(
    place: Place,
) -> None:
    place.seat_does("ann", Wait(1), HangUp())
    place.seat_does("bob", Wait(10), HangUp())
    await place.sign_in("ann", "bob")
    await place.call("c1")

    assert await place.over("c1") == "answered"

    assert [to for _, to, _ in place.line.dialled] == ["sip:ann@desk", "sip:bob@desk"]
    assert [what for _, what in place.ears.heard if what != "joined caller"] == [
        "music",
        "music",
        "joined bob",
    ]
    assert place.row("c1").seat_id == "bob"


async def test_a_seat_that_picks_up_when_the_desk_has_given_its_ring_up_is_hung_up(place: Place) -> None:
    people = place.seat_does("ann", Wait(10), HangUp())
    await place.sign_in("ann")
    await place.call("c1")
    await place.at(1)
    assert await place.transfers.desk.missed("c1", "ann")
    await place.at(3)

    assert people[0].end is not None
    assert place.whispers == []
    assert await place.over("c1") == "answered", "rung again a while later"


class OneLeg:
    """A line whose only call is answered when the test says so."""

    def __init__(self, leg: Leg) -> None:
        self.leg = leg
        self.rung = asyncio.Event()
        self.answered = asyncio.Event()

    async def dial(self, to: str, *, caller: str = "", timeout: float = 60.0) -> Leg:
        self.rung.set()
        await self.answered.wait()
        return self.leg


async def test_a_seat_that_picks_up_in_the_instant_in_which_the_caller_hangs_up_is_hung_up(
    place: Place,
) -> None:
    place.seat_does("ann", Wait(100), after=0.0)
    place.seat_does("bob", Wait(100), after=0.0)
    await place.sign_in("ann")
    legs = [asyncio.create_task(place.line.dial(f"sip:{who}@desk")) for who in ("ann", "bob")]
    await place.until(lambda: all(task.done() for task in legs))
    seat, caller = legs[0].result(), legs[1].result()
    desk, line = place.transfers.desk, OneLeg(seat)
    tools = Tools(desk, "w2", line, place.ears, place.whisper, manners=AT_ONCE)
    handling = Handling.of(tools, "c1", caller, Transfer("x1", "service", 60.0), Caller(language="zh-CN"))
    running = asyncio.create_task(handling.run())
    await place.until(lambda: handling.joined)
    (offer,) = await desk.next_offers("w2")
    handling.post(offer)
    await line.rung.wait()

    line.answered.set()
    handling.post(CallerGone())
    await running

    await place.until(lambda: place.line.active == 1)
    caller.hang_up()
    await place.until(lambda: place.line.active == 0)
    assert place.whispers == []
    assert (place.row("c1").state, place.states()["ann"]) == ("abandoned", "ready")


async def test_two_callers_are_served_one_after_the_other_by_one_seat(place: Place) -> None:
    place.seat_does("ann", Wait(10), HangUp())
    await place.sign_in("ann")
    await place.call("c1", timeout=120)
    await place.until(lambda: "c1" in place.store.calls)
    await place.call("c2", timeout=120)

    assert await place.over("c1") == "answered"
    assert await place.over("c2") == "answered"

    rings: Sequence[float] = [at for at, _, _ in place.line.dialled]
    assert rings[0] == 0.0
    assert 42.0 <= rings[1] <= 43.5, "after ring, talk and wrap-up"


async def test_a_caller_speaks_to_a_seat_of_their_language(place: Place) -> None:
    place.seat_does("ann", Wait(5), HangUp())
    place.seat_does("bob", Wait(5), HangUp())
    await place.sign_in("bob", "ann")
    await place.call("c1", language="en")

    assert await place.over("c1") == "answered"
    assert place.row("c1").seat_id == "ann"


async def test_what_a_worker_of_the_same_name_left_in_line_is_ended_and_its_seat_is_free() -> None:
    place = Place()
    await place.sign_in("ann")
    await place.transfers.desk.join("old", queue="service", worker="w1")
    assert await place.transfers.desk.next_offers("w1")
    assert place.states()["ann"] == "ringing"

    async with place.transfers.tended():
        await place.at(5)

    assert (place.row("old").state, place.row("old").outcome) == ("ended", "broken_off")
    assert place.states()["ann"] == "ready"


async def test_a_caller_whose_place_was_given_up_for_dead_is_back_in_the_flow(place: Place) -> None:
    await place.sign_in("ann")
    assert await place.transfers.desk.pause("ann", "tea")
    await place.call("c1")
    await place.at(1.5)
    assert await place.transfers.desk.ended("c1", "broken_off")

    assert await place.over("c1") == "closed"
    assert place.clock.time() < 10


async def test_a_seat_that_sends_the_caller_to_another_is_hung_up_and_the_other_rings(place: Place) -> None:
    people = place.seat_does("ann", Wait(200))
    place.seat_does("bob", Wait(10), HangUp())
    await place.sign_in("ann")
    await place.call("c1", timeout=15)
    await place.at(30)
    await place.sign_in("bob")
    assert await place.transfers.desk.hand_over("c1", queue="service", who="seat:ann")

    assert await place.over("c1") == "answered"

    assert people[0].end is not None
    assert [what for _, what in place.ears.heard if what != "joined caller"] == [
        "music",
        "joined ann",
        "music",
        "joined bob",
    ]


async def test_a_caller_whom_a_seat_has_sent_on_waits_anew_for_as_long_as_the_flow_allows(
    place: Place,
) -> None:
    place.seat_does("ann", Wait(200))
    await place.sign_in("ann")
    await place.call("c1", timeout=15)
    await place.at(40)
    place.seat_does("bob", after=None)
    await place.sign_in("bob")
    assert await place.transfers.desk.hand_over("c1", queue="service", who="seat:ann")

    assert await place.over("c1") == "timeout"

    assert 55 <= place.clock.time() <= 56.1
    assert place.states() == {"ann": "wrap_up", "bob": "ready"}


async def test_a_worker_that_stops_hangs_up_on_its_seats_and_leaves_no_place_in_line() -> None:
    place = Place()
    people = place.seat_does("ann", Wait(200))
    await place.sign_in("ann")
    async with place.transfers.tended():
        await place.call("c1")
        await place.at(10)
        await place.call("c2")
        await place.at(20)
    await place.until(lambda: people[0].end is not None)

    assert not place.ears.hearing
    assert not place.store.calls
    assert place.states()["ann"] == "wrap_up"


async def test_a_long_talk_is_not_taken_for_dead(place: Place) -> None:
    place.seat_does("ann", Wait(600), HangUp())
    await place.sign_in("ann")
    await place.call("c1", timeout=10)

    assert await place.over("c1") == "answered"

    row = place.row("c1")
    assert row.outcome == "served"
    assert row.ended_at is not None
    assert row.answered_at is not None
    assert row.ended_at - row.answered_at > timedelta(seconds=590)
