"""What callers hear while they wait for a person, and what they may choose by key."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ivr.lines.script import HangUp, Keys, ScriptedCaller, Wait, WaitFor
from ivr.seats import Rules
from policy_db.seat_facts import Queue, Seat
from tests.seats.floor import Place

BUSY_SECONDS = 200


async def busy(place: Place, seconds: float = BUSY_SECONDS) -> None:
    """The only seat talks with somebody for a while."""
    place.seat_does("ann", Wait(seconds), HangUp())
    await place.sign_in("ann")
    await place.call("c0", timeout=600)
    await place.talking("c0")


def told(caller: ScriptedCaller) -> list[str]:
    return [text for text in caller.heard if not text.startswith("x")]


async def test_the_place_and_the_wait_are_told_on_joining_and_then_only_when_they_get_better(
    floor: Place,
) -> None:
    await busy(floor, 100)
    first = await floor.call("c1", timeout=600)
    await floor.later(1)
    second = await floor.call("c2", timeout=600)
    await floor.later(19)

    assert told(first) == ["position 1, range 3 8"]
    assert told(second) == ["position 2, range 8 15"]
    await floor.at(300)
    positions = [text for text in told(second) if text.startswith("position")]
    assert positions[0] == "position 2, range 8 15"
    assert positions[-1].startswith("position 1"), "c1 was served meanwhile"
    assert len(positions) <= 4
    tellings = [details for _, call, kind, details in floor.notes if (call, kind) == ("c2", "queue_told")]
    for before, after in pairwise(tellings):
        assert after["position"] <= before["position"]
        assert after["most"] <= before["most"]


async def test_a_caller_whom_a_free_seat_is_rung_for_at_once_hears_nothing_of_a_wait(floor: Place) -> None:
    floor.seat_does("ann", Wait(5), HangUp(), after=10)
    await floor.sign_in("ann")
    caller = await floor.call("c1")
    assert await floor.over("c1") == "answered"
    assert told(caller) == []


async def test_choices_are_offered_now_and_then_as_the_queue_and_the_flow_have_them(floor: Place) -> None:
    await busy(floor)
    caller = await floor.call("c1", timeout=600)
    plain = await floor.call("c2", timeout=600, handles=frozenset())
    await floor.later(75)
    assert told(caller)[1:] == ["leave, call_back, return"] * 2
    assert "leave, call_back" in told(plain)


async def test_a_queue_that_wants_neither_offers_neither() -> None:
    queues = (Queue("service", leave_by_key=False, call_back=False),)
    place = Place(queues=queues)
    async with place.transfers.tended():
        await busy(place)
        caller = await place.call("c1", Wait(3), Keys("12"), timeout=60, handles=frozenset())
        assert await place.over("c1") == "timeout"
        assert len(told(caller)) == 1
        await place.close()
    place.check_clean()


@pytest.mark.parametrize(
    ("key", "outcome", "state"), [("1", "left", "voicemail"), ("9", "cancelled", "left")]
)
async def test_by_a_key_a_caller_leaves_the_line(floor: Place, key: str, outcome: str, state: str) -> None:
    await busy(floor)
    await floor.call("c1", Wait(5), Keys(key), timeout=600)
    assert await floor.over("c1") == outcome
    assert (floor.row("c1").state, floor.row("c1").outcome) == (state, "key")
    assert "queue_left" in floor.noted("c1")


async def test_a_caller_keeps_the_place_to_be_called_back_at_their_own_number(floor: Place) -> None:
    await busy(floor)
    caller = await floor.call("c1", Wait(5), Keys("2"), WaitFor("call_own"), Keys("1"), timeout=600)
    assert await floor.over("c1") == "callback"
    assert "call_own 8000, call_right" in caller.heard
    assert caller.heard[-1] == "kept"
    row = floor.row("c1")
    assert (row.state, row.call_back_to, row.worker) == ("callback", "+8613800138000", "")


async def test_a_caller_without_a_number_types_one_which_is_read_back_and_may_be_put_right(
    floor: Place,
) -> None:
    await busy(floor)
    caller = await floor.call(
        "c1", Wait(5), Keys("2"), WaitFor("number", until="begins"), Keys("13900000001#"), WaitFor("call_number"),
        Keys("2"), WaitFor("number"), Keys("13900000002"), WaitFor("call_number"), Keys("1"),
        timeout=600, number="anonymous",
    )  # fmt: skip
    assert await floor.over("c1") == "callback"
    assert "call_number 13900000001, call_right" in caller.heard
    assert floor.row("c1").call_back_to == "13900000002", "typed without #, after a while"
    assert not any("13900000002" in str(entry) for entry in floor.notes), "in the record there is no number"


@pytest.mark.parametrize("number", ["0085212345678901", "12", "009005551234", "13900"])
async def test_a_number_that_the_hotline_does_not_call_is_refused_and_the_caller_waits_on(
    floor: Place, number: str
) -> None:
    await busy(floor)
    typed = [WaitFor("number"), Keys(f"{number}#")]
    caller = await floor.call("c1", Wait(5), Keys("2"), *typed, *typed, *typed, timeout=100, number="")
    assert await floor.over("c1") == "timeout"
    assert not any(text.startswith("call_number") for text in caller.heard)


async def test_a_seat_that_answers_in_the_middle_of_it_gets_the_caller(floor: Place) -> None:
    await busy(floor, 30)
    await floor.call("c1", Wait(32), Keys("2"), WaitFor("call_own"), Wait(100), HangUp(), timeout=600)
    await floor.at(80)
    assert floor.row("c1").state == "connected"


async def test_who_says_nothing_to_the_question_waits_on_without_losing_the_place(floor: Place) -> None:
    await busy(floor)
    caller = await floor.call("c1", Wait(5), Keys("2"), timeout=600)
    await floor.later(60)
    assert floor.row("c1").state == "waiting"
    assert "leave, call_back, return" in caller.heard


async def test_who_hangs_up_while_being_told_that_the_place_is_kept_keeps_it(floor: Place) -> None:
    await busy(floor)
    await floor.call(
        "c1",
        Wait(5),
        Keys("2"),
        WaitFor("call_own"),
        Keys("1"),
        WaitFor("kept", until="begins"),
        HangUp(),
        timeout=600,
    )
    await floor.later(60)
    assert floor.row("c1").state == "callback"


async def test_a_real_call_overflows_and_is_served_by_the_other_queue() -> None:
    queues = (
        Queue("service", overflow_to="help", overflow_seconds=15, skills={"service": 1}),
        Queue("help", ring_seconds=20),
    )
    seats = (
        Seat("ann", "Ann", "sip:ann@desk", ("zh-CN",), {"service": 1}),
        Seat("bob", "Bob", "sip:bob@desk", ("zh-CN",)),
    )
    place = Place(queues=queues, seats=seats, rules=Rules())
    async with place.transfers.tended():
        await busy(place)
        place.seat_does("bob", Wait(10), HangUp())
        await place.sign_in("bob")
        await place.call("c1", timeout=120)
        assert await place.over("c1") == "answered"
        assert (place.row("c1").queue, place.row("c1").seat_id) == ("help", "bob")
        await place.close()
    place.check_clean()
