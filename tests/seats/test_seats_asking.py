"""While a seat asks somebody: it hears the ringing, talks with either in turn, and its keys reach who is outside."""

from __future__ import annotations

import pytest

from ivr.errors import SeatError
from ivr.lines.script import Wait
from tests.seats.floor import Place

OUTSIDE = "+8613911112222"


@pytest.fixture
async def talk(floor: Place) -> Place:
    """The caller c1 talks with ann; bob is ready."""
    floor.seat_does("ann", Wait(900))
    floor.seat_does("bob", Wait(900))
    floor.person_does(OUTSIDE, Wait(900))
    await floor.sign_in("ann")
    await floor.call("c1")
    await floor.talking()
    await floor.sign_in("bob")
    return floor


def rings_back(talk: Place) -> bool:
    played = talk.line.legs["sip:ann@desk"]._queue.current
    return played is not None and played.clips[0].name == "ringback"


async def test_the_seat_hears_it_ring_until_whoever_is_asked_answers(talk: Place) -> None:
    await talk.ask("c1", "consult", to="bob")
    await talk.later(1)
    assert rings_back(talk)
    await talk.later(2)
    assert not rings_back(talk)
    assert talk.hears("ann") == {"bob"}


async def test_the_seat_hears_no_ringing_once_it_is_back_with_its_caller(talk: Place) -> None:
    await talk.ask("c1", "consult", to="bob")
    await talk.later(1)
    await talk.ask("c1", "cancel_consult")
    assert not rings_back(talk)
    assert talk.hears("ann") == {"caller"}


async def test_the_seat_goes_to_its_caller_and_back_while_the_other_hears_music(talk: Place) -> None:
    await talk.ask("c1", "consult", to="bob")
    with pytest.raises(SeatError):
        await talk.ask("c1", "swap")
    await talk.later(3)
    for _ in range(2):
        assert await talk.ask("c1", "swap") == {"state": "talking"}
        assert (talk.hears("c1"), talk.hears("ann"), talk.hears("bob")) == ({"ann"}, {"caller"}, {"music"})
        assert await talk.ask("c1", "swap") == {"state": "asking"}
        assert (talk.hears("c1"), talk.hears("ann"), talk.hears("bob")) == ({"music"}, {"bob"}, {"ann"})


@pytest.mark.parametrize(
    ("command", "caller", "bob"),
    [("complete", {"bob"}, {"caller"}), ("conference", {"ann", "bob"}, {"caller", "ann"})],
)
async def test_who_hears_music_after_a_swap_is_brought_in(
    talk: Place, command: str, caller: set[str], bob: set[str]
) -> None:
    await talk.ask("c1", "consult", to="bob")
    await talk.later(3)
    await talk.ask("c1", "swap")
    await talk.ask("c1", command)
    await talk.later(0.1)
    assert (talk.hears("c1"), talk.hears("bob")) == (caller, bob)


async def test_after_a_swap_the_one_who_waits_gets_the_caller_when_the_seat_hangs_up(talk: Place) -> None:
    await talk.ask("c1", "consult", to="bob")
    await talk.later(3)
    await talk.ask("c1", "swap")
    await talk.ask("c1", "hang_up")
    await talk.later(0.1)
    assert (talk.hears("c1"), talk.hears("bob")) == ({"bob"}, {"caller"})


async def test_a_seats_keys_go_to_the_number_outside_that_it_talks_with_alone(talk: Place) -> None:
    press = talk.line.legs["sip:ann@desk"].phone.press
    press("1")
    await talk.ask("c1", "consult", to=OUTSIDE)
    await talk.later(3)
    press("2")
    await talk.ask("c1", "swap")
    await talk.later(0.1)
    press("3")
    await talk.ask("c1", "conference")
    await talk.later(0.1)
    press("4")
    await talk.later(0.1)
    assert talk.ears.keys == [
        ("caller", "1"),
        (OUTSIDE, "2"),
        ("caller", "3"),
        ("caller", "4"),
        (OUTSIDE, "4"),
    ]


async def test_keys_of_a_seat_that_is_asked_and_of_the_caller_go_nowhere(talk: Place) -> None:
    await talk.ask("c1", "consult", to="bob")
    await talk.later(3)
    talk.line.legs["sip:bob@desk"].phone.press("5")
    await talk.later(0.1)
    assert talk.ears.keys == []
