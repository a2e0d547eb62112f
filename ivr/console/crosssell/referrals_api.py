"""Referrals as JSON, with the same rights and refusals as the pages."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field, StringConstraints

from ivr.console.audit import looked_at
from ivr.console.crosssell.beginning import MOST_NOTE, Beginning
from ivr.console.crosssell.desk import Seller, place, place_after, word
from ivr.console.crosssell.referrals import wanted_of
from ivr.console.crosssell.referring import (
    Told,
    Wish,
    begin,
    begin_another,
    found,
    move,
    name_coordinator,
    note,
    together,
)
from ivr.console.crosssell.sheet import clean
from ivr.console.listing import Since, SizeAsked, Until
from ivr.console.parts import ConsoleParts, Parts
from policy_db.selling_facts import Referral, ReferralState

router = APIRouter(prefix="/crosssell/referrals")
_Id = Annotated[str, Path(max_length=64)]
_Text = Annotated[str, Query(max_length=100)]
_Word = Annotated[str, StringConstraints(max_length=100, strip_whitespace=True)]
_Version = Annotated[int, Field(ge=0, le=2_000_000_000)]


class ReferralOut(BaseModel):
    """A referral. `referred_by` is a seat, empty for the hotline itself; `coordinator` a user's name or `seat:ID`."""

    id: str
    suggestion: str | None
    call: str
    customer: str
    product: str
    also: list[str]
    script: str
    state: ReferralState
    flagged_at: datetime
    changed_at: datetime
    referred_by: str
    seat: str
    coordinator: str
    policy: str
    premium: Decimal | None
    version: int

    @classmethod
    def of(cls, one: Referral) -> ReferralOut:
        """A referral as JSON."""
        same = {name: getattr(one, name) for name in cls.model_fields if name not in ("call", "also")}
        return cls(**same, call=one.call_id, also=list(one.also))


class ReferralsOut(BaseModel):
    """One page, the latest first; `next` goes into `before` for the page after it."""

    items: list[ReferralOut]
    next: str


class StepOut(BaseModel):
    """A step: `who` is `caller`, `hotline`, `seat:ID` or `user:NAME`."""

    state: ReferralState
    at: datetime
    who: str
    note: str


class ProductOut(BaseModel):
    """A product of a referral to several specialists; `referral` is None until it is begun."""

    product: str
    referral: ReferralOut | None


class WholeReferralOut(ReferralOut):
    """A referral with every step, and with what belongs together."""

    steps: list[StepOut]
    together: list[ProductOut]


class MoveIn(BaseModel):
    """What became of it, from the `version` that was read; a sale names `policy` and the first year's `premium`."""

    state: Told
    version: _Version
    note: Annotated[str, StringConstraints(max_length=MOST_NOTE, strip_whitespace=True)] = ""
    policy: Annotated[str, StringConstraints(max_length=20, strip_whitespace=True)] = ""
    premium: Decimal | None = Field(None, ge=0, max_digits=14, decimal_places=2)


class BeginningIn(BaseModel):
    """A referral that a person begins: `agreed` is that the caller has said yes to it, without which none begins.

    `call` may be empty for the call that your seat is in, and `customer` for the caller of that call. `anyway` is that
    the customer refused or was asked lately, and it is begun knowing so.
    """

    product: Annotated[str, StringConstraints(min_length=1, max_length=10, strip_whitespace=True)]
    customer: Annotated[str, StringConstraints(max_length=20, strip_whitespace=True)] = ""
    call: Annotated[str, StringConstraints(max_length=64, strip_whitespace=True)] = ""
    note: Annotated[str, StringConstraints(max_length=MOST_NOTE, strip_whitespace=True)] = ""
    agreed: bool = False
    anyway: bool = False


class CoordinatorIn(BaseModel):
    """Who coordinates it: a user's name or `seat:ID`; empty is nobody."""

    coordinator: _Word
    version: _Version


class ReferralNoteIn(BaseModel):
    """A word about it."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=MOST_NOTE, strip_whitespace=True)]


@router.get("")
async def referrals(
    request: Request,
    parts: Parts,
    visitor: Seller,
    view: _Text = "open",
    q: _Text = "",
    state: _Text = "",
    product: _Text = "",
    seat: _Text = "",
    coordinator: _Text = "",
    several: _Text = "",
    since: Since = "",
    until: Until = "",
    before: Annotated[str, Query(max_length=160)] = "",
    size: SizeAsked = 50,
) -> ReferralsOut:
    """Referrals: `view` is open, mine, uncoordinated, ended or all; a seat has its own only."""
    _, wanted = wanted_of(request, parts, visitor)
    rows = await parts.database.referrals.page(wanted, after=place(word(request, "before")), limit=size + 1)
    await looked_at(parts, visitor, "list", "referrals")
    last = rows[size - 1] if len(rows) > size else None
    after = "" if last is None else place_after(last.flagged_at, last.id)
    return ReferralsOut(items=[ReferralOut.of(one) for one in rows[:size]], next=after)


@router.post("", status_code=201)
async def begin_new(request: Request, parts: Parts, visitor: Seller, asked: BeginningIn) -> WholeReferralOut:
    """Begin a referral that nothing suggested; the same call and product again give the one that is there.

    422 says in plain words what speaks against it: an unknown customer, no yes of the caller, the do-not-call list, a
    product that is not offered, is owned or is on its way, a refusal or too many offers lately; 409 is for who has no
    seat.
    """
    wanted = Beginning(
        clean(asked.product),
        asked.agreed,
        clean(asked.customer),
        clean(asked.call),
        clean(asked.note),
        asked.anyway,
    )
    return await _whole(parts, await begin(request, parts, visitor, wanted))


@router.get("/{referral}")
async def one(parts: Parts, visitor: Seller, referral: _Id) -> WholeReferralOut:
    """One referral."""
    known = await found(parts, visitor, referral)
    await looked_at(parts, visitor, "referral", known.id)
    return await _whole(parts, known)


@router.post("/{referral}/moves")
async def say(
    request: Request, parts: Parts, visitor: Seller, referral: _Id, asked: MoveIn
) -> WholeReferralOut:
    """Say what became of it; 409 for a step back or when somebody else was first, and nothing is written then."""
    known = await found(parts, visitor, referral)
    premium = "" if asked.premium is None else str(asked.premium)
    wish = Wish(asked.state, asked.version, asked.note, asked.policy, premium)
    return await _whole(parts, await move(request, parts, visitor, known, wish))


@router.put("/{referral}/coordinator")
async def coordinate(
    request: Request, parts: Parts, visitor: Seller, referral: _Id, asked: CoordinatorIn
) -> WholeReferralOut:
    """Name who coordinates it."""
    known = await found(parts, visitor, referral)
    named = await name_coordinator(request, parts, visitor, known, asked.coordinator, asked.version)
    return await _whole(parts, named)


@router.post("/{referral}/notes", status_code=201)
async def add_note(parts: Parts, visitor: Seller, referral: _Id, asked: ReferralNoteIn) -> WholeReferralOut:
    """Keep a note."""
    await note(parts, visitor, await found(parts, visitor, referral), asked.text)
    return await _whole(parts, await found(parts, visitor, referral))


@router.post("/{referral}/products/{product}", status_code=201)
async def begin_of(
    request: Request,
    parts: Parts,
    visitor: Seller,
    referral: _Id,
    product: Annotated[str, Path(max_length=10)],
) -> WholeReferralOut:
    """Begin the referral of another suggested product for its own specialist; again, it is the one that is there."""
    known = await found(parts, visitor, referral)
    return await _whole(parts, await begin_another(request, parts, visitor, known, product))


async def _whole(parts: ConsoleParts, known: Referral) -> WholeReferralOut:
    return WholeReferralOut(
        **ReferralOut.of(known).model_dump(),
        steps=[
            StepOut(state=step.state, at=step.at, who=step.who, note=step.note)
            for step in await parts.database.referrals.steps(known.id)
        ],
        together=[
            ProductOut(product=item.product, referral=item.referral and ReferralOut.of(item.referral))
            for item in await together(parts, known)
        ],
    )
