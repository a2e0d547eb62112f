"""A seat presses "transfer" on its own telephone (REFER), and a caller is handed over to their own side."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.lines.base import TransferAsked
from ivr.seats.referring import user_of, whom
from policy_db.seat_facts import Seat
from tests.seats.floor import Place, in_talk

OUTSIDE = "13911112222"
SEATS = (Seat("ann", "Ann", "sip:1001@pbx;transport=tcp"), Seat("bob", "Bob", "1002"), Seat("cat", "Cat", ""))


@pytest.fixture
async def talk(floor: Place) -> Place:
    await in_talk(floor, OUTSIDE)
    return floor


async def press_transfer(place: Place, to: str, replaces: str = "") -> list[int]:
    """Ann's telephone sends a REFER; what it is told."""
    told: list[int] = []
    place.line.legs["sip:ann@desk"]._desk.emit(TransferAsked(to, replaces, told.append))
    await place.later(1.5)
    return told


@pytest.mark.parametrize(
    ("to", "means"),
    [
        ("sip:bob@anything", "bob"),
        ("sip:1001@192.0.2.9", "ann"),
        ("<sip:1002@pbx>", "bob"),
        ("sips:+8613911112222@trunk;user=phone", "+8613911112222"),
        ("sip:somebody@elsewhere", "sip:somebody@elsewhere"),
    ],
)
def test_an_address_means_a_seat_its_extension_a_number_or_itself(to: str, means: str) -> None:
    assert whom(to, SEATS) == means


def test_the_user_of_an_address_is_found_however_it_is_written() -> None:
    assert [user_of(one) for one in ("sip:a@b", "1002", "<sips:a@b;x=y>", "")] == ["a", "1002", "a", ""]


async def test_a_seats_telephone_sends_the_caller_to_another_seat(talk: Place) -> None:
    assert await press_transfer(talk, "sip:bob@desk") == [200]
    assert talk.states() == {"ann": "wrap_up", "bob": "ringing"}
    await talk.later(6)
    assert (talk.hears("c1"), talk.row("c1").seat_id) == ({"bob"}, "bob")


async def test_and_to_an_outside_number(talk: Place) -> None:
    assert await press_transfer(talk, f"sip:{OUTSIDE}@pbx") == [200]
    await talk.later(3)
    assert talk.hears("c1") == {OUTSIDE}


async def test_a_transfer_to_nobody_is_refused_and_the_talk_goes_on(talk: Place) -> None:
    (status,) = await press_transfer(talk, "sip:no one@")
    assert status >= 400
    assert (talk.hears("c1"), talk.states()["ann"]) == ({"ann"}, "talking")


async def test_who_is_only_asked_for_advice_cannot_transfer(talk: Place) -> None:
    await talk.ask("c1", "consult", to="bob")
    await talk.later(3)
    told: list[int] = []
    talk.line.legs["sip:bob@desk"]._desk.emit(TransferAsked("sip:ann@desk", "", told.append))
    await talk.later(0.5)
    assert told == [603]


async def test_where_the_callers_side_does_not_take_them_the_hotline_joins_them_itself(talk: Place) -> None:
    tools = talk.transfers._tools
    object.__setattr__(tools, "manners", replace(tools.manners, refer_out=True))
    await talk.ask("c1", "transfer", number=OUTSIDE)
    await talk.later(3)
    assert talk.hears("c1") == {OUTSIDE}
    assert "referred" in talk.noted("c1")
