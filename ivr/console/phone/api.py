"""What a seat's browser picks up a call with."""

from __future__ import annotations

import hashlib

from fastapi import APIRouter
from pydantic import BaseModel, Field

from ivr.console.access import ForbiddenError, Seat, Visitor
from ivr.console.parts import ConsoleParts, Parts
from ivr.errors import SeatError
from ivr.lines.stream import SEAT_TICKETS, SeatTickets, Ticket

router = APIRouter()


class PickUp(BaseModel):
    """How to pick up: the address of the WebSocket, and the parameters of its `start`."""

    url: str = Field(description="Path of the WebSocket, on this host.")
    parameters: dict[str, str] = Field(description="The customParameters of the stream's start.")
    call: str


def tickets_of(parts: ConsoleParts) -> SeatTickets:
    """Issues and reads the tickets of this installation."""
    return SeatTickets(parts.database.keys.token(SEAT_TICKETS), now=parts.clock)


def session_mark(visitor: Visitor) -> str:
    """What a ticket says of the session it is for; tells nothing of the session itself."""
    return hashlib.sha256(visitor.session.encode()).hexdigest()[:16]


@router.post("/phone/pick-up")
async def pick_up(visitor: Seat, parts: Parts) -> PickUp:
    """Pick up the call that rings at one's own seat, within a minute and in this session."""
    if visitor.seat is None:
        raise ForbiddenError
    found = (await parts.database.seats.scene(seat=visitor.seat)).seat
    if found is None or found.call_id is None or not found.worker:
        raise SeatError("no call rings at your seat; it may have gone to another", code="H642")
    ticket = tickets_of(parts).issue(Ticket(found.id, found.call_id, found.worker, session_mark(visitor)))
    return PickUp(
        url=f"/phone/stream?ticket={ticket}",
        parameters={"seat": found.id, "ticket": ticket},
        call=found.call_id,
    )
