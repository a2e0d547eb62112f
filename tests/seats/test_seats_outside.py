"""Callers put through to a salesperson's own telephone, and what is said to them when they wait too long."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ivr.flow.instructions import Transfer
from ivr.lines.base import Leg
from ivr.lines.script import HangUp, Keys, Wait, WaitFor
from ivr.seats import Manners
from ivr.seats.outside import OutsideCalls
from policy_db.message_facts import Message, Sight
from policy_db.sales_facts import SalesPerson, SalesPreferences
from tests.seats.floor import Place

PHONE = "+8616000101001"
LIN = SalesPerson("1001", "林海涛", PHONE, "", "城南营业部", at_work=True)
LEFT = Message(
    id="c-1", mailbox="salesperson-1001", received_at=datetime(2026, 3, 9, tzinfo=UTC), state="new", category="",
    urgency="normal", assignee="", salesperson="", due_at=None, due_set=False, done_at=None,
    changed_at=datetime(2026, 3, 9, tzinfo=UTC), changed_by="", version=0, caller="+8613900139000", level=0, reason="",
    seconds=8.0, call="c", file="2026-03-09/c-1.wav", broken_off=False, confirmed=True,
)  # fmt: skip


class Directory:
    """One salesperson and one message."""

    def __init__(self, person: SalesPerson = LIN, **preferences: Any) -> None:
        self.person = person
        self.wanted = replace(SalesPreferences(), **preferences)

    async def find(self, number: str, sight: Sight | None = None) -> Any:
        if sight is not None:
            return LEFT if number == LEFT.id and LEFT.mailbox in sight.boxes else None
        return self.person if number == self.person.number else None

    async def preferences(self, number: str) -> SalesPreferences:
        return self.wanted


class PutThrough:
    """In place of seats: every transfer goes outside, as `request` says."""

    def __init__(self, place: Place, directory: Directory, request: Transfer, level: int = 0) -> None:
        self.calls = OutsideCalls(
            directory, directory, line=place.line, sound=place.ears, words=place.words,
            numbers=r"1[3-9]\d{9}", note=place.note,
        )  # fmt: skip
        self._request = request
        self._level = level
        self.told = self.calls.told

    async def transfer(self, call_id: str, leg: Leg, request: Transfer, **more: Any) -> str:
        return await self.calls.transfer(call_id, leg, self._request, level=self._level)

    async def over(self, call_id: str) -> None:
        return


SELLER = Transfer("x1", "seller", 30.0, details={"seller": "1001"})
SENDER = Transfer("x1", "sender", 40.0, details={"sender": "c-1", "number": "1001"})


def outside(
    place: Place, directory: Directory | None = None, request: Transfer = SELLER, level: int = 0
) -> Place:
    place.transfers = PutThrough(place, directory or Directory(), request, level)  # type: ignore[assignment]
    return place


async def test_a_salesperson_who_takes_the_call_by_key_talks_with_the_caller(floor: Place) -> None:
    outside(floor)
    floor.person_does(PHONE, WaitFor("seller"), Keys("1"), Wait(5), HangUp())
    await floor.call("c1")
    await floor.until(lambda: bool(floor.line.legs) and floor.hears("c1") == {PHONE})
    assert floor.hears(PHONE) == {"caller"}
    assert floor.line.dialled == [(0.0, PHONE, "+8613800138000")]
    assert await floor.over("c1") == "answered"


@pytest.mark.parametrize(
    ("key", "outcome"), [("2", "busy"), ("9", "timeout")], ids=["declined", "no key that counts"]
)
async def test_who_does_not_take_the_call_leaves_the_caller_to_leave_a_message(
    floor: Place, key: str, outcome: str
) -> None:
    outside(floor)
    floor.person_does(PHONE, WaitFor("seller"), Keys(key), Wait(60))
    await floor.call("c1")
    assert await floor.over("c1") == outcome


async def test_busy_and_no_answer_are_told_apart(floor: Place) -> None:
    outside(floor)
    floor.line.declining.add(PHONE)
    await floor.call("c1")
    assert await floor.over("c1") == "busy"
    floor.line.declining.clear()
    floor.person_does(PHONE, after=None)
    await floor.call("c2")
    assert await floor.over("c2") == "timeout"


@pytest.mark.parametrize(
    "directory",
    [Directory(put_through=False), Directory(replace(LIN, at_work=False)), Directory(replace(LIN, phone=""))],
    ids=["wants no calls", "has left", "has no telephone"],
)
async def test_nobody_is_rung_who_is_not_to_be_put_through_to(floor: Place, directory: Directory) -> None:
    outside(floor, directory)
    await floor.call("c1")
    assert await floor.over("c1") == "closed"
    assert floor.line.dialled == []


async def test_a_caller_who_hangs_up_stops_the_ringing(floor: Place) -> None:
    outside(floor)
    floor.person_does(PHONE, WaitFor("seller"), Keys("1"), Wait(60), after=20)
    await floor.call("c1", Wait(3), HangUp())
    await floor.at(40)
    assert floor.line.legs == {}


async def test_a_verified_salesperson_calls_back_who_left_a_message_and_our_number_is_shown(
    floor: Place,
) -> None:
    outside(floor, request=SENDER, level=2)
    floor.person_does("+8613900139000", Wait(4), HangUp())
    await floor.call("c1")
    assert await floor.over("c1") == "answered"
    assert floor.line.dialled == [(0.0, "+8613900139000", "")]


@pytest.mark.parametrize(
    ("number", "level"), [("1002", 2), ("1001", 1)], ids=["another's mailbox", "not verified"]
)
async def test_nobody_else_calls_back(floor: Place, number: str, level: int) -> None:
    outside(floor, request=replace(SENDER, details={"sender": "c-1", "number": number}), level=level)
    await floor.call("c1")
    assert await floor.over("c1") == "closed"
    assert floor.line.dialled == []


async def test_who_waits_as_long_as_five_rings_hears_once_that_we_are_sorry() -> None:
    place = Place(manners=Manners(pop_lead=0.0, apology_after=20.0))
    async with place.transfers.tended():
        place.seat_does("ann", Wait(100), HangUp())
        await place.sign_in("ann")
        await place.call("c0", timeout=600)
        await place.talking("c0")
        caller = await place.call("c1", timeout=600)
        await place.later(19)
        assert not any("apology" in text for text in caller.heard)
        await place.later(60)
        assert sum("apology" in text for text in caller.heard) == 1
        assert place.row("c1").apologised_at is not None
        assert "queue_apology" in place.noted("c1")
        await place.close()
