"""A seat rings in its browser: it picks up, declines, or does not answer, as on any other line."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from stream_bench import Bench, bench
from stream_peer import SECRET, start_message, until

from ivr.errors import LineError, RefusedError
from ivr.lines.base import Answered
from ivr.lines.stream import SeatTickets, Ticket
from ivr.lines.stream.tickets import LIFETIME


def pick_up(house: Bench, seat: str = "anna") -> object:
    socket = house.socket()
    ticket = SeatTickets(SECRET).issue(Ticket(seat, "call-1", "worker-0", "session"))
    socket.say(start_message("MZ5", {"seat": seat, "ticket": ticket}))
    return socket


async def ringing(house: Bench, timeout: float = 5.0) -> asyncio.Task[object]:
    dialling = asyncio.create_task(house.line.dial("browser:anna", caller="13800138000", timeout=timeout))
    await until(lambda: house.line.rings("anna"))
    return dialling  # type: ignore[return-value]


async def test_a_seat_that_picks_up_is_answered_and_knows_who_calls() -> None:
    async with bench() as house:
        dialling = await ringing(house)
        socket = pick_up(house)
        leg = await dialling
        assert leg is socket.leg
        assert (leg.info.caller, leg.info.called) == ("13800138000", "browser:anna")
        leg.attach(socket.events.append)
        assert socket.events == [Answered()]
        assert house.offered == []
        assert not house.line.rings("anna")


async def test_a_seat_that_does_not_answer_is_h211() -> None:
    async with bench() as house:
        dialling = await ringing(house, timeout=0.01)
        with pytest.raises(LineError) as error:
            await dialling
        assert error.value.code == "H211"
        assert pick_up(house).wire.closed == (4481, "refused")


async def test_a_seat_that_declines_is_603() -> None:
    async with bench() as house:
        dialling = await ringing(house)
        assert house.line.decline("anna")
        assert not house.line.decline("anna")
        with pytest.raises(RefusedError) as error:
            await dialling
        assert (error.value.code, error.value.status) == ("H210", 603)


async def test_a_seat_rings_for_one_call_at_a_time() -> None:
    async with bench() as house:
        dialling = await ringing(house)
        with pytest.raises(RefusedError) as error:
            await house.line.dial("browser:anna")
        assert error.value.status == 486
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialling
        assert not house.line.rings("anna")


async def test_who_picks_up_in_the_moment_of_the_cancel_is_hung_up_on() -> None:
    async with bench() as house:
        dialling = await ringing(house)
        socket = pick_up(house)
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialling
        assert socket.leg.ended
        assert house.line.active == 0


@pytest.mark.parametrize("address", ["sip:anna@example.com", "browser:", "anna", ""])
async def test_an_address_that_is_no_seat_is_h212(address: str) -> None:
    async with bench() as house:
        with pytest.raises(LineError) as error:
            await house.line.dial(address)
        assert error.value.code == "H212"


async def test_a_line_that_stops_rings_no_more() -> None:
    async with bench() as house:
        dialling = await ringing(house)
        await house.line.stop()
        with pytest.raises(RefusedError):
            await dialling
        with pytest.raises(LineError) as error:
            await house.line.dial("browser:anna")
        assert error.value.code == "H213"


def test_a_ticket_is_good_for_its_lifetime_and_as_it_is() -> None:
    now = [datetime(2026, 3, 2, 9, 0, tzinfo=UTC)]
    tickets = SeatTickets("a secret", now=lambda: now[0])
    ticket = Ticket("anna", "call-1", "worker-0", "session")
    text = tickets.issue(ticket)
    assert tickets.read(text) == ticket
    assert SeatTickets("another secret", now=lambda: now[0]).read(text) is None
    assert tickets.read(text[:-1] + ("A" if text[-1] != "A" else "B")) is None
    assert tickets.read("") is None
    assert tickets.seat_of({"seat": "anna", "ticket": text}) == "anna"
    assert tickets.seat_of({"seat": "ben", "ticket": text}) is None
    assert tickets.seat_of({}) is None
    now[0] += timedelta(seconds=LIFETIME + 1)
    assert tickets.read(text) is None
