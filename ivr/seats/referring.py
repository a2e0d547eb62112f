"""A seat's telephone presses "transfer" (REFER): whom it means, and what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from ivr.errors import SeatError
from ivr.seats.news import Command
from policy_db.seat_facts import Seat


def whom(to: str, seats: Iterable[Seat]) -> str:
    """The seat that an address means, by its name or by the extension at which it rings; else the number, or address."""
    user = user_of(to)
    known = {seat.id: seat.id for seat in seats if seat.id == user}
    known |= {user_of(seat.address): seat.id for seat in seats if seat.address}
    if user in known:
        return known[user]
    return user if user.removeprefix("+").isdecimal() else to


def user_of(address: str) -> str:
    """`anna` of `sip:anna@192.0.2.7;transport=tcp`; a plain number is itself."""
    plain = address.strip().strip("<>").partition(";")[0]
    scheme, colon, rest = plain.partition(":")
    return (rest if colon and scheme in ("sip", "sips") else plain).partition("@")[0]


def command_of(seat: str, to: str) -> Command:
    """The transfer as the seat's console would ask for it."""
    answer = asyncio.get_running_loop().create_future()
    return Command("transfer", seat, f"seat:{seat}", {"to": to}, answer)


def status_of(command: Command) -> int:
    """What the telephone is told: 200, 404 for somebody who is not there, 603 for what may not be."""
    error = command.answer.exception() if command.answer.done() else None
    if error is None:
        return 200
    return 404 if isinstance(error, SeatError) and error.code == "H604" else 603
