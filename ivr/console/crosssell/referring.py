"""What is done to referrals on the console: who may, and every refusal with a reason in the visitor's language."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Final, Literal, get_args

from fastapi import Request

from ivr.console.access import ForbiddenError, Visitor
from ivr.console.audit import did
from ivr.console.crosssell.beginning import (
    MOST_NOTE,
    Beginning,
    Caller,
    caller_of,
    must_be_allowed,
    must_refer,
    refused,
)
from ivr.console.crosssell.desk import coordinators, sees_all, self_as
from ivr.console.crosssell.sheet import clean
from ivr.console.pages import text
from ivr.console.parts import ConsoleParts
from policy_db.errors import BadValueError, ConflictError, NotFoundError
from policy_db.selling_facts import PENDING, WAY, Referral, may_move

#: What a person may say of a referral, in the order in which it happens.
Told = Literal["connected", "quoted", "sold", "declined", "refused", "lost"]
TOLD: Final[tuple[Told, ...]] = get_args(Told)
#: As the column holds it.
_MOST_PREMIUM: Final = Decimal(10) ** 12
_POLICY: Final = re.compile(r"[0-9A-Za-z-]{1,20}")
_YES: Final = ("accepted", "transferred", "connected", "quoted", "sold")


@dataclass(frozen=True, slots=True)
class Wish:
    """What is said of a referral: where it is now, from which `version` on, and what is known by then."""

    state: Told
    version: int
    note: str = ""
    policy: str = ""
    premium: str = ""


@dataclass(frozen=True, slots=True)
class Together:
    """One product of a referral to several specialists, with its own referral once somebody has begun it."""

    product: str
    referral: Referral | None


async def found(parts: ConsoleParts, visitor: Visitor, referral: str) -> Referral:
    """The referral, if the visitor may see it. Raises NotFoundError."""
    known = await parts.database.referrals.find(referral.replace("\x00", ""))
    if known is None or not (sees_all(visitor) or _concerns(visitor, known)):
        raise NotFoundError("There is no referral of that id.")
    return known


def may_act(visitor: Visitor, referral: Referral) -> bool:
    """Whether the visitor may say what became of it: overseers, who has it, who coordinates it; else who referred."""
    if sees_all(visitor) or referral.coordinator in self_as(visitor):
        return True
    return visitor.seat is not None and visitor.seat == (referral.seat or referral.referred_by)


def may_name(visitor: Visitor, referral: Referral) -> bool:
    """Whether the visitor may name a coordinator: overseers, and the coordinator who hands it on."""
    return sees_all(visitor) or referral.coordinator in self_as(visitor)


def moves_of(referral: Referral) -> tuple[Told, ...]:
    """What can be said of it next."""
    return tuple(one for one in TOLD if may_move(referral.state, one))


async def move(
    request: Request, parts: ConsoleParts, visitor: Visitor, known: Referral, wish: Wish
) -> Referral:
    """Say what became of it. Raises ForbiddenError, BadValueError, ConflictError, StaleError."""
    if not may_act(visitor, known):
        raise ForbiddenError
    premium, said = _premium(request, visitor, wish), clean(wish.note)
    if len(said) > MOST_NOTE:
        raise BadValueError(text(request, visitor, "referrals.wrong.note"))
    if wish.version == known.version and wish.state not in moves_of(known) and wish.state != known.state:
        states = {"before": f"referral.{known.state}", "after": f"referral.{wish.state}"}
        words = {name: text(request, visitor, key) for name, key in states.items()}
        raise ConflictError(text(request, visitor, "referrals.no_way", **words))
    own = visitor.seat if not sees_all(visitor) else None
    moved = await parts.database.referrals.move(
        known.id,
        wish.state,
        who=_who(visitor),
        at=parts.clock(),
        note=said,
        seat=own if own is not None and not known.seat else None,
        premium=premium,
        policy=wish.policy if wish.state == "sold" else None,
        version=wish.version,
    )
    await did(parts, visitor, f"referral_{wish.state}", f"referral:{known.id}", call=known.call_id)
    _tell(parts, known)
    return moved


async def name_coordinator(
    request: Request, parts: ConsoleParts, visitor: Visitor, known: Referral, who: str, version: int
) -> Referral:
    """Name who sees that the specialists come together (empty: nobody).

    Raises ForbiddenError, BadValueError for somebody who cannot, StaleError.
    """
    if not may_name(visitor, known):
        raise ForbiddenError
    if who and who not in await coordinators(parts):
        raise BadValueError(text(request, visitor, "referrals.wrong.coordinator"))
    named = await parts.database.referrals.assign(
        known.id, who, who=_who(visitor), at=parts.clock(), version=version
    )
    await did(parts, visitor, "named_coordinator", f"referral:{known.id}", coordinator=who)
    _tell(parts, known)
    return named


async def note(parts: ConsoleParts, visitor: Visitor, known: Referral, said: str) -> None:
    """Add a word to it. Raises ForbiddenError, BadValueError."""
    if not may_act(visitor, known):
        raise ForbiddenError
    await parts.database.referrals.note(known.id, clean(said), who=_who(visitor), at=parts.clock())
    await did(parts, visitor, "noted", f"referral:{known.id}")
    _tell(parts, known)


async def together(parts: ConsoleParts, known: Referral) -> tuple[Together, ...]:
    """All products of a referral to several specialists; none where there is one product only."""
    if not known.call_id:
        return ()
    others = [one for one in await parts.database.referrals.of_call(known.call_id) if _same(one, known)]
    head = next((one for one in others if known.product in one.also), known)
    if not head.also:
        return ()
    latest = {one.product: one for one in others}
    return tuple(Together(product, latest.get(product)) for product in (head.product, *head.also))


async def begin_another(
    request: Request, parts: ConsoleParts, visitor: Visitor, known: Referral, product: str
) -> Referral:
    """Begin the referral of another product of the same caller, for its own specialist.

    Raises ForbiddenError, BadValueError for a product that was not suggested, ConflictError before the caller's yes.
    The same again gives the one that is there.
    """
    if not may_act(visitor, known):
        raise ForbiddenError
    if product not in known.also:
        raise BadValueError(text(request, visitor, "referrals.wrong.product"))
    if known.state not in _YES:
        raise ConflictError(text(request, visitor, "referrals.no_yes"))
    now = parts.clock()
    begun = await parts.database.referrals.flag(
        Referral(
            id=f"{known.id[:50]}-{product}",
            suggestion=known.suggestion,
            call_id=known.call_id,
            customer=known.customer,
            product=product,
            also=(),
            script=known.script,
            state="accepted",
            flagged_at=now,
            changed_at=now,
            referred_by=visitor.seat or known.referred_by,
            seat="",
            coordinator=known.coordinator,
            policy="",
            premium=None,
            version=1,
        ),
        who=_who(visitor),
    )
    await did(parts, visitor, "referred", f"referral:{begun.id}", call=known.call_id, product=product)
    _tell(parts, begun)
    return begun


async def begin(request: Request, parts: ConsoleParts, visitor: Visitor, asked: Beginning) -> Referral:
    """Begin a referral that nothing suggested, or take up the hotline's own that no caller was asked about yet.

    The caller has said yes to the visitor, who is the one that referred. The same call and product again give the
    referral that is there. Raises RefusedError with what speaks against it, SeatError (H650) without a seat.
    """
    await must_refer(request, parts, visitor)
    asked = replace(asked, note=clean(asked.note))
    caller = await caller_of(request, parts, visitor, asked)
    fresh = _fresh(parts, visitor, caller, asked.product)
    known = await _there(parts, fresh)
    if known is not None and _taken_up(visitor, known):
        await _add(request, parts, visitor, known, asked.note)
        return await parts.database.referrals.find(known.id) or known
    await must_be_allowed(request, parts, visitor, caller, asked)
    begun = await _begun(request, parts, visitor, known or fresh, asked.note)
    await did(parts, visitor, "referred", f"referral:{begun.id}", call=begun.call_id, product=begun.product)
    _tell(parts, begun)
    if visitor.seat is not None:
        parts.bus.publish("seat", visitor.seat)
    return begun


def _fresh(parts: ConsoleParts, visitor: Visitor, caller: Caller, product: str) -> Referral:
    """A referral that the visitor begins now; its id is of the call and product, or of the day where there is no call."""
    now = parts.clock()
    whence = caller.call or f"{_who(visitor)} {now.date()}"
    told = "\n".join((whence, caller.customer, product))
    return Referral(
        id=f"b-{hashlib.sha256(told.encode()).hexdigest()[:32]}",
        suggestion=None,
        call_id=caller.call,
        customer=caller.customer,
        product=product,
        also=(),
        script="",
        state="accepted",
        flagged_at=now,
        changed_at=now,
        referred_by=visitor.seat or "",
        seat="",
        coordinator="",
        policy="",
        premium=None,
        version=1,
    )


async def _there(parts: ConsoleParts, fresh: Referral) -> Referral | None:
    """The referral of the same id, or one that the hotline began in that call about that product and that is open."""
    referrals = parts.database.referrals
    known = await referrals.find(fresh.id)
    if known is not None or not fresh.call_id:
        return known
    same = [one for one in await referrals.of_call(fresh.call_id) if _same(one, fresh) and not one.ended]
    return next((one for one in reversed(same) if one.product == fresh.product), None)


def _taken_up(visitor: Visitor, known: Referral) -> bool:
    """Whether it is the visitor's own referral already, as after the same request twice."""
    return known.state in PENDING and (sees_all(visitor) or _concerns(visitor, known))


async def _add(request: Request, parts: ConsoleParts, visitor: Visitor, known: Referral, said: str) -> None:
    """What is said at another time and not only once more becomes a note of the referral that is there."""
    if len(said) > MOST_NOTE:
        raise refused(request, visitor, note="note")
    steps = await parts.database.referrals.steps(known.id)
    if said and may_act(visitor, known) and said not in [one.note for one in steps]:
        await note(parts, visitor, known, said)


async def _begun(
    request: Request, parts: ConsoleParts, visitor: Visitor, begun: Referral, said: str
) -> Referral:
    """The referral with the caller's yes, which is written down now."""
    referrals, now = parts.database.referrals, parts.clock()
    if begun.state == "accepted":
        return await referrals.flag(begun, who=_who(visitor), note=said)
    try:
        if visitor.seat is not None:
            return await referrals.refer(begun.id, visitor.seat, at=now, note=said)
        return await referrals.move(begun.id, "accepted", who=_who(visitor), at=now, note=said)
    except ConflictError:
        raise refused(request, visitor, product="moved_on") from None


def reached(steps: tuple[str, ...]) -> frozenset[str]:
    """The states of the way that lie behind a referral with these steps; a later one implies those before."""
    last = max((WAY.index(one) for one in WAY if one in steps), default=0)
    return frozenset(WAY[: last + 1])


def _premium(request: Request, visitor: Visitor, wish: Wish) -> Decimal | None:
    """What was sold; a sale is not believed without its policy and premium."""
    if wish.state != "sold":
        return None
    if not _POLICY.fullmatch(wish.policy):
        raise BadValueError(text(request, visitor, "referrals.wrong.policy"))
    try:
        premium = Decimal(wish.premium.replace(",", "").replace("，", ""))
    except InvalidOperation:
        premium = Decimal("NaN")
    if not premium.is_finite() or not 0 <= premium < _MOST_PREMIUM:
        raise BadValueError(text(request, visitor, "referrals.wrong.premium"))
    return premium.quantize(Decimal("0.01"))


def _concerns(visitor: Visitor, referral: Referral) -> bool:
    own = self_as(visitor)
    mine = visitor.seat is not None and visitor.seat in (referral.seat, referral.referred_by)
    return mine or referral.coordinator in own


def _same(one: Referral, other: Referral) -> bool:
    return one.customer == other.customer


def _who(visitor: Visitor) -> str:
    return f"seat:{visitor.seat}" if visitor.seat else f"user:{visitor.name}"


def _tell(parts: ConsoleParts, referral: Referral) -> None:
    parts.bus.publish("referral", referral.id)
    if referral.call_id:
        parts.bus.publish("call", referral.call_id)
