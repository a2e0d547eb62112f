"""What a referral begins from that a person begins: whose call it is, which customer, and all that speaks against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from fastapi import Request

from cross_sell.call_facts import CallFacts
from cross_sell.gates import asked_lately
from cross_sell.rules import SellingRules
from ivr.console.access import Visitor
from ivr.console.audit import looked_at
from ivr.console.crosssell.desk import name_of, sees_all
from ivr.console.pages import language_of, text
from ivr.console.parts import ConsoleParts
from ivr.console.seat.mine import noting_of, picture_of, today_of
from ivr.console.seat.work import seat_of
from policy_db.caller_facts import CallerPicture
from policy_db.errors import BadValueError
from policy_db.selling_facts import PENDING, CustomerStanding

#: The parts of what is asked, as the form and the API name them.
Part = Literal["customer", "call", "product", "note", "agreed", "anyway"]
_ORDER: Final[tuple[Part, ...]] = get_args(Part)
MOST_NOTE: Final = 2000


@dataclass(frozen=True, slots=True)
class Beginning:
    """What is asked: a referral about `product`, to which the caller has said yes (`agreed`).

    `anyway` is that they were asked lately, or refused, and it is begun knowing so.
    `call` may be empty for the call that the visitor's seat is in, if it is in one, and `customer` for its caller.
    """

    product: str
    agreed: bool
    customer: str = ""
    call: str = ""
    note: str = ""
    anyway: bool = False


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom it is about: a customer's number, the call (empty: none), and their telephone and name where it is one."""

    customer: str
    call: str
    number: str = ""
    name: str = ""


class RefusedError(BadValueError):
    """A referral that may not begin; `wrong` says why at each part, in the visitor's language."""

    def __init__(self, wrong: Mapping[Part, str]) -> None:
        self.wrong = {part: wrong[part] for part in _ORDER if part in wrong}
        super().__init__(" ".join(self.wrong.values()))


async def must_refer(request: Request, parts: ConsoleParts, visitor: Visitor) -> None:
    """Whoever refers has a seat or oversees. Raises SeatError (H650)."""
    if not sees_all(visitor):
        await seat_of(request, parts, visitor)


async def caller_of(request: Request, parts: ConsoleParts, visitor: Visitor, asked: Beginning) -> Caller:
    """Whom it is about. Raises RefusedError for a call that is not the visitor's, or another customer's."""
    own = await _own_call(parts, visitor)
    if asked.call and not await _may_use(parts, visitor, asked.call, own):
        raise refused(request, visitor, call="not_yours")
    picture = await picture_of(parts, visitor, asked.call or own or None)
    if picture is None and asked.call:
        raise refused(request, visitor, call="not_yours")
    if picture is None:
        return Caller(asked.customer, "")
    caller = _caller(picture)
    if asked.customer in ("", caller.customer):
        return caller
    if not asked.call:
        return Caller(asked.customer, "")  # somebody else than the caller of the moment
    if picture.known == "proved":
        raise refused(request, visitor, customer="other_caller")
    return replace(caller, customer=asked.customer, name="")


async def offered_for(request: Request, parts: ConsoleParts, visitor: Visitor) -> dict[str, str]:
    """The products that can be referred today, by code with their names."""
    language, today = language_of(request, visitor), today_of(parts)
    every = await parts.database.offered.all()
    return {one.offered.product: name_of(one, language) for one in every if one.on_sale(today)}


async def must_be_allowed(
    request: Request, parts: ConsoleParts, visitor: Visitor, caller: Caller, asked: Beginning
) -> None:
    """Raises RefusedError with all that speaks against it; a look at the customer is audited."""
    standing = None
    if caller.customer:
        suggestions = parts.database.suggestions
        standing = await suggestions.standing(caller.customer, caller.number, parts.clock())
    if standing is not None:
        await looked_at(parts, visitor, "customer", standing.customer)
    wrong: dict[Part, str] = dict(_about_customer(caller, standing, asked))
    if standing is not None and (why := _asked_lately(parts, caller, standing, asked.product)):
        if parts.settings.crosssell_begun == "stop":
            wrong.setdefault("customer", f"{why}_stop")
        elif not asked.anyway:
            wrong["anyway"] = why
    if asked.product not in await offered_for(request, parts, visitor):
        wrong["product"] = "not_offered"
    if len(asked.note) > MOST_NOTE:
        wrong["note"] = "note"
    if wrong:
        raise refused(request, visitor, **wrong)


def refused(request: Request, visitor: Visitor, **wrong: str) -> RefusedError:
    """A refusal: at which parts, and which text says why."""
    return RefusedError(
        {part: text(request, visitor, f"referrals.wrong.{why}") for part, why in wrong.items()}  # type: ignore[misc]
    )


def _about_customer(
    caller: Caller, standing: CustomerStanding | None, asked: Beginning
) -> Iterator[tuple[Part, str]]:
    consented = standing is None or standing.consents.get("marketing", False)
    if not asked.agreed:
        yield "agreed", "not_agreed" if consented else "no_consent"
    if standing is None:
        yield "customer", "unknown" if caller.customer else "nobody"
        return
    if standing.do_not_call:
        yield "customer", "do_not_call"
    if any(one.product == asked.product and one.covers for one in standing.policies):
        yield "product", "owned"
    elif any(one.product == asked.product and one.state in PENDING for one in standing.offers):
        yield "product", "on_its_way"


def _asked_lately(parts: ConsoleParts, caller: Caller, standing: CustomerStanding, product: str) -> str:
    """Why the hotline itself would not ask this customer now, empty if it might: `cool_off` or `frequency`.

    The referral of this very call is none: it is not asked anew, but found again.
    """
    earlier = tuple(one for one in standing.offers if (one.call_id, one.product) != (caller.call, product))
    standing = replace(standing, offers=earlier)
    facts = CallFacts(caller.call, "", caller.number, 0, "", parts.clock())
    return next(iter(asked_lately(facts, standing, SellingRules.of(parts.settings))), "")


def _caller(picture: CallerPicture) -> Caller:
    known = picture.customer
    if known is None:
        return Caller("", picture.id, picture.number)
    return Caller(known.number, picture.id, picture.number, known.name)


async def _own_call(parts: ConsoleParts, visitor: Visitor) -> str:
    """The call that the visitor's seat talks in, or has just ended and keeps notes for."""
    if visitor.seat is None:
        return ""
    seat = (await parts.database.seats.scene(seat=visitor.seat)).seat
    return "" if seat is None else await noting_of(parts, seat)


async def _may_use(parts: ConsoleParts, visitor: Visitor, call: str, own: str) -> bool:
    """Whether the visitor may refer from a call: those of their seat, and any for who oversees."""
    if call == own or sees_all(visitor):
        return True
    return visitor.seat is not None and await parts.database.callers.served_at(call, visitor.seat) is not None
