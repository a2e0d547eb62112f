"""What a seat says of a suggestion to its caller. Every refusal is a SeatError that says what to do."""

from __future__ import annotations

from decimal import Decimal

from fastapi import Request

from ivr.console.access import Visitor
from ivr.console.audit import did
from ivr.console.pages import text
from ivr.console.parts import ConsoleParts
from ivr.console.seat.hint import Told
from ivr.console.seat.work import seat_of
from ivr.errors import SeatError
from policy_db.errors import ConflictError, NotFoundError
from policy_db.selling_facts import Referral


async def tell(
    request: Request,
    parts: ConsoleParts,
    visitor: Visitor,
    referral: str,
    state: Told,
    *,
    policy: str = "",
    premium: Decimal | None = None,
) -> Referral:
    """Say how far the seat came with a suggestion. Raises SeatError (H654, H656)."""
    seat, known = await _own(request, parts, visitor, referral)
    if state == "sold" and (not policy.strip() or premium is None):
        raise SeatError(text(request, visitor, "seat.hint.sold_what"), code="H656")
    try:
        moved = await parts.database.referrals.move(
            known.id,
            state,
            who=f"seat:{seat}",
            at=parts.clock(),
            seat=seat,
            premium=premium if state == "sold" else None,
            policy=policy.strip() if state == "sold" else None,
        )
    except ConflictError:
        raise SeatError(text(request, visitor, "seat.hint.moved_on"), code="H656") from None
    await did(parts, visitor, f"referral_{state}", f"referral:{known.id}", call=known.call_id, seat=seat)
    _publish(parts, seat, known)
    return moved


async def refer(request: Request, parts: ConsoleParts, visitor: Visitor, referral: str, to: str) -> Referral:
    """The seat sends its caller on to a specialist, `to` being a queue or seat. Raises SeatError (H654, H656)."""
    seat, known = await _own(request, parts, visitor, referral)
    try:
        sent = await parts.database.referrals.refer(
            known.id, seat, at=parts.clock(), note=f"to {to}" if to else ""
        )
    except ConflictError:
        raise SeatError(text(request, visitor, "seat.hint.moved_on"), code="H656") from None
    await did(parts, visitor, "referred", f"referral:{known.id}", call=known.call_id, seat=seat, to=to)
    _publish(parts, seat, known)
    return sent


def _publish(parts: ConsoleParts, seat: str, referral: Referral) -> None:
    """Whoever looks at the call sees it, and so does the seat's own list."""
    parts.bus.publish("call", referral.call_id)
    parts.bus.publish("seat", seat)


async def _own(
    request: Request, parts: ConsoleParts, visitor: Visitor, referral: str
) -> tuple[str, Referral]:
    """The visitor's seat and a referral of a call that it served. Raises SeatError, NotFoundError."""
    seat = await seat_of(request, parts, visitor)
    known = await parts.database.referrals.find(referral)
    if known is None:
        raise NotFoundError("There is no such referral.")
    if await parts.database.callers.served_at(known.call_id, seat.id) is None:
        raise SeatError(text(request, visitor, "seat.not_yours"), code="H654")
    return seat.id, known
