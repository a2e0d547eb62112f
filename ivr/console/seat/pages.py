"""The seat's page, and the parts of it that are read again when something changes."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from ivr.console.access import Seat
from ivr.console.pages import language_of, render
from ivr.console.parts import Parts
from ivr.console.seat import work
from ivr.console.seat.hint import referred_by
from ivr.console.seat.mine import colleagues, masked, mine_of
from ivr.errors import SeatError

router = APIRouter()
#: Reasons for a pause that are offered; any other can be written.
REASONS = ("break", "lunch", "meeting", "training", "paperwork", "technical")


@router.get("/seat")
async def seat(request: Request, visitor: Seat, parts: Parts) -> Response:
    """The page."""
    mine = await mine_of(request, parts, visitor)
    if mine is None:
        return render(request, visitor, "seat/none.html")
    own = await parts.database.callers.of_seat(mine.seat.id)
    dispositions = await parts.database.talks.dispositions()
    return render(
        request,
        visitor,
        "seat/seat.html",
        mine=mine,
        own=own,
        dispositions=dispositions,
        reasons=REASONS,
        colleagues=colleagues(mine.seats, mine.seat.id),
        referred=await referred_by(parts, mine.seat.id, language_of(request, visitor)),
        masked=masked,
    )


@router.get("/seat/now")
async def now(request: Request, visitor: Seat, parts: Parts) -> Response:
    """State and call, as they stand: what is read at every nudge."""
    mine = await mine_of(request, parts, visitor)
    if mine is None:
        return render(request, visitor, "seat/none_part.html")
    return render(request, visitor, "seat/now.html", mine=mine, reasons=REASONS, masked=masked)


@router.get("/seat/beside")
async def beside(request: Request, visitor: Seat, parts: Parts) -> Response:
    """Who waits, who is there, and the seat's own last calls."""
    mine = await mine_of(request, parts, visitor)
    if mine is None:
        return render(request, visitor, "seat/none_part.html")
    own = await parts.database.callers.of_seat(mine.seat.id)
    return render(
        request, visitor, "seat/beside.html", mine=mine, own=own,
        colleagues=colleagues(mine.seats, mine.seat.id), masked=masked,
        referred=await referred_by(parts, mine.seat.id, language_of(request, visitor)),
    )  # fmt: skip


@router.get("/seat/targets")
async def targets(request: Request, visitor: Seat, parts: Parts) -> Response:
    """Whom a caller can be sent to or who can be asked, as they stand, for the dialog."""
    mine = await mine_of(request, parts, visitor)
    if mine is None:
        return render(request, visitor, "seat/none_part.html")
    return render(
        request, visitor, "seat/targets.html", mine=mine, colleagues=colleagues(mine.seats, mine.seat.id)
    )


@router.get("/seat/notes/{call}")
async def notes(request: Request, visitor: Seat, parts: Parts, call: str) -> Response:
    """The form for what a call of the seat came to, with what was noted so far."""
    own = await work.seat_of(request, parts, visitor)
    served, dispositions, noted = await asyncio.gather(
        parts.database.callers.served_at(call, own.id),
        parts.database.talks.dispositions(),
        parts.database.talks.wrap_ups(call),
    )
    if served is None:
        raise SeatError("this is no call of your seat", code="H654")
    mine = next((one for one in noted if one.seat == own.id), None)
    return render(request, visitor, "seat/notes.html", call=call, dispositions=dispositions, noted=mine)


@router.post("/seat/call")
async def call(
    request: Request,
    visitor: Seat,
    parts: Parts,
    number: Annotated[str, Form(max_length=40)] = "",
    customer: Annotated[str, Form(max_length=20)] = "",
    about: Annotated[str, Form(max_length=80)] = "",
) -> Response:
    """Click to call, from any page: rings the visitor's seat, and then the number; leads to the seat."""
    if not number and customer:
        found = await parts.database.customers.find(customer)
        number = "" if found is None else found.phone
    await work.call_out(request, parts, visitor, number, customer=customer, about=about)
    return RedirectResponse("/seat", 303)
