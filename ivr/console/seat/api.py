"""The seat as JSON, and every change that its page makes."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Query, Request, Response
from pydantic import BaseModel, Field

from ivr.console.access import Seat, Visitor
from ivr.console.audit import looked_at
from ivr.console.parts import ConsoleParts, Parts
from ivr.console.seat import hint, telling, work
from ivr.console.seat.mine import Mine, colleagues, masked, mine_of, picture_of, words_of
from ivr.console.seat.presence import tabs_of
from ivr.console.seat.work import Command, Wish
from ivr.errors import SeatError
from policy_db.caller_facts import CallerPicture
from policy_db.seat_facts import Seat as SeatFacts
from policy_db.selling_facts import Referral

router = APIRouter()
_Id = Annotated[str, Field(max_length=80)]


class SeatOut(BaseModel):
    """A seat as it stands. Moments are in UTC; `version` grows with every change."""

    id: str
    name: str
    address: str
    state: str
    reason: str
    since: datetime | None
    call: str
    part: str
    afterwards: str
    afterwards_reason: str
    forward_to: str
    wrap_up_until: datetime | None
    rung_at: datetime | None
    version: int


class BeatIn(BaseModel):
    """A sign of life of one tab; with `take` it is the one that works from now on."""

    tab: str = Field(min_length=8, max_length=64)
    take: bool = False


class BeatOut(BaseModel):
    """Whether this tab is the one that works, and the seat."""

    works: bool
    now: datetime
    seat: SeatOut


class StateIn(BaseModel):
    """What to be; a pause needs a reason, and `away` may say where personal calls go."""

    state: Wish
    reason: str = Field("", max_length=work.LONGEST_REASON)
    forward_to: str = Field("", max_length=200)


class CommandIn(BaseModel):
    """What a command needs: whom to ask or to send to, or why."""

    to: str = Field("", max_length=200)
    seat: str = Field("", max_length=64)
    queue: str = Field("", max_length=64)
    number: str = Field("", max_length=200)
    why: str = Field("", max_length=40)


class WrapUpIn(BaseModel):
    """What a call came to."""

    disposition: str = Field(max_length=40)
    note: str = Field("", max_length=4000)
    finish: bool = Field(False, description="Whether the wrap-up is over with it.")


class WrapUpOut(BaseModel):
    """What was noted, by whom and when."""

    call: str
    disposition: str
    note: str
    user: str
    saved_at: datetime


class LongerIn(BaseModel):
    """More time for notes, in seconds."""

    seconds: float = Field(60, gt=0, le=work.MOST_LONGER)


class CallIn(BaseModel):
    """Whom to call; `about` is what it is about: `message:ID`, `claim:NUMBER`, `policy:NUMBER`, `customer:NUMBER`."""

    number: str = Field("", max_length=40)
    customer: str = Field("", max_length=20)
    about: str = Field("", max_length=80)


class CalledOut(BaseModel):
    """The call that now rings the seat."""

    call: str


class Found(BaseModel):
    """A customer to call; the number is masked, and known here by the customer's."""

    customer: str
    name: str
    number: str


class Target(BaseModel):
    """Whom a caller can be sent to or who can be asked."""

    kind: Literal["seat", "queue"]
    id: str
    name: str
    state: str
    since: datetime | None
    waiting: int = 0


class ReferralIn(BaseModel):
    """How far a suggestion came; `connected`: the caller wants to hear about it."""

    state: hint.Told
    policy: str = Field("", max_length=20)
    premium: Decimal | None = Field(None, ge=0, le=10**9, max_digits=12, decimal_places=2)


class ReferIn(BaseModel):
    """The queue or seat that the caller is sent to."""

    to: str = Field("", max_length=64)


class ReferralOut(BaseModel):
    """A referral as it stands. `referred_by` is the seat who referred, empty for the hotline itself."""

    id: str
    call: str
    product: str
    state: str
    changed_at: datetime
    referred_by: str
    seat: str
    policy: str
    premium: Decimal | None


class ObjectionOut(BaseModel):
    """What a caller may say, and what to answer."""

    says: str
    answer: str


class TalkOut(BaseModel):
    """A talk track."""

    opening: str
    needs: list[str]
    proposal: str
    objections: list[ObjectionOut]
    commitment: str
    never_say: list[str]


class HintOut(BaseModel):
    """What to suggest; `why_not` says in the reader's language why nothing is."""

    call: str
    product: str = ""
    of_ten: int | None = None
    agreed: bool = False
    reasons: list[str] = []
    also: list[str] = []
    queue: str = ""
    spoken: str = ""
    talk: TalkOut | None = None
    guide: TalkOut | None = Field(
        None, description="The talk track in the reader's language, where another is spoken."
    )
    referral: ReferralOut | None = None
    why_not: str = ""


class PolicyOut(BaseModel):
    """A policy and where its premium stands."""

    number: str
    product: str
    status: str
    premium_state: str
    amount: str
    currency: str
    due_on: str | None


class CallerOut(BaseModel):
    """The picture of a caller."""

    call: str
    known: str
    level: int
    language: str
    customer: str
    name: str
    number: str
    policy: str
    policies: list[PolicyOut]
    claims: list[str]
    complaints: list[str]
    messages: list[str]
    earlier: list[str]


@router.get("/seat")
async def seat(request: Request, visitor: Seat, parts: Parts) -> SeatOut:
    """One's own seat."""
    return seat_out(await work.seat_of(request, parts, visitor))


@router.post("/seat/beat")
async def beat(request: Request, visitor: Seat, parts: Parts, asked: BeatIn) -> BeatOut:
    """A sign of life, every few seconds: without it the seat is free after fifteen."""
    works, found = await work.beat(request, parts, visitor, asked.tab, take=asked.take)
    return BeatOut(works=works, now=parts.clock(), seat=seat_out(found))


@router.post("/seat/leave", status_code=204)
async def leave(visitor: Seat, parts: Parts, tab: Annotated[str, Form(max_length=64)]) -> Response:
    """A tab is closed: another may work at once. The seat itself is free when nobody beats any more."""
    if visitor.seat is not None:
        tabs_of(parts).leave(visitor.seat, tab)
    return Response(status_code=204)


@router.post("/seat/state")
async def change_state(request: Request, visitor: Seat, parts: Parts, asked: StateIn) -> SeatOut:
    """Be ready, paused, not to be disturbed, away or gone; from `offline` it signs in. In a call: when it is over."""
    await work.be(request, parts, visitor, asked.state, asked.reason, asked.forward_to)
    return seat_out(await work.seat_of(request, parts, visitor))


@router.post("/seat/longer")
async def longer(request: Request, visitor: Seat, parts: Parts, asked: LongerIn) -> SeatOut:
    """More time for notes."""
    await work.longer(request, parts, visitor, asked.seconds)
    return seat_out(await work.seat_of(request, parts, visitor))


@router.get("/seat/caller")
async def caller(request: Request, visitor: Seat, parts: Parts) -> CallerOut:
    """Who is on the seat's call: what the page shows."""
    own = await work.seat_of(request, parts, visitor)
    picture = await picture_of(parts, visitor, own.call_id)
    if picture is None:
        raise SeatError("your seat has no call now", code="H652")
    return _caller_out(picture)


@router.post("/seat/commands/{name}")
async def command(
    request: Request, visitor: Seat, parts: Parts, name: Command, asked: CommandIn
) -> dict[str, Any]:
    """Ask something of the talk that the seat is in: hold, mute, consult, transfer, hang_up…"""
    return await work.command(request, parts, visitor, name, asked.model_dump())


@router.get("/seat/hint")
async def suggestion(request: Request, visitor: Seat, parts: Parts) -> HintOut:
    """What to suggest on the seat's call: what the page shows beside the caller. Empty `product`: nothing, and why."""
    own = await work.seat_of(request, parts, visitor)
    if own.call_id is None:
        raise SeatError("your seat has no call now", code="H652")
    await looked_at(parts, visitor, "call", own.call_id)
    found = await hint.hint_of(parts, own.call_id, words_of(request, visitor).language)
    return _hint_out(own.call_id, found)


@router.post("/seat/referrals/{referral}")
async def tell_referral(
    request: Request, visitor: Seat, parts: Parts, referral: _Id, asked: ReferralIn
) -> ReferralOut:
    """Say how far a suggestion came in a call that the seat served; `sold` needs the policy and its premium."""
    moved = await telling.tell(
        request, parts, visitor, referral, asked.state, policy=asked.policy, premium=asked.premium
    )
    return referral_out(moved)


@router.post("/seat/referrals/{referral}/refer")
async def refer(request: Request, visitor: Seat, parts: Parts, referral: _Id, asked: ReferIn) -> ReferralOut:
    """Note that the seat sends its caller on, to the queue or seat `to`; the transfer is a command of its own."""
    return referral_out(await telling.refer(request, parts, visitor, referral, asked.to))


@router.get("/seat/targets")
async def targets(request: Request, visitor: Seat, parts: Parts) -> list[Target]:
    """Seats and queues that a caller can be sent to, as they stand."""
    mine = await mine_of(request, parts, visitor)
    if mine is None:
        await work.seat_of(request, parts, visitor)
        return []
    return _targets(mine)


@router.put("/seat/wrap-ups/{call}")
async def wrap_up(request: Request, visitor: Seat, parts: Parts, call: _Id, asked: WrapUpIn) -> WrapUpOut:
    """Note what one of the seat's own calls came to, during it, in wrap-up, or up to seven days later."""
    saved = await work.save_wrap_up(request, parts, visitor, call, asked.disposition, asked.note)
    if asked.finish:
        await work.finish_wrap_up(request, parts, visitor, call)
    return WrapUpOut(
        disposition=saved.disposition, note=saved.note, call=call, user=saved.user, saved_at=saved.saved_at
    )


@router.post("/seat/call")
async def call(request: Request, visitor: Seat, parts: Parts, asked: CallIn) -> CalledOut:
    """Ring one's own seat, and then a number: click to call. A customer's own number need not be sent."""
    number = asked.number or await _number_of(parts, visitor, asked.customer)
    return CalledOut(
        call=await work.call_out(request, parts, visitor, number, customer=asked.customer, about=asked.about)
    )


@router.get("/seat/customers")
async def customers(visitor: Seat, parts: Parts, q: Annotated[str, Query(max_length=60)] = "") -> list[Found]:
    """Customers to call, by telephone, customer or policy number, or the whole name."""
    found = await parts.database.callers.search(q)
    for one in found:
        await looked_at(parts, visitor, "customer", one.number)
    return [Found(customer=one.number, name=one.name, number=masked(one.phone)) for one in found]


def seat_out(seat: SeatFacts) -> SeatOut:
    """A seat for the API."""
    return SeatOut(
        id=seat.id,
        name=seat.name,
        address=seat.address,
        state=seat.state,
        reason=seat.reason,
        since=seat.since,
        call=seat.call_id or "",
        part=seat.part,
        afterwards=seat.afterwards or "",
        afterwards_reason=seat.afterwards_reason,
        forward_to=seat.forward_to,
        wrap_up_until=seat.wrap_up_until,
        rung_at=seat.rung_at,
        version=seat.version,
    )


def referral_out(referral: Referral) -> ReferralOut:
    """A referral for the API."""
    return ReferralOut(
        id=referral.id,
        call=referral.call_id,
        product=referral.product,
        state=referral.state,
        changed_at=referral.changed_at,
        referred_by=referral.referred_by,
        seat=referral.seat,
        policy=referral.policy,
        premium=referral.premium,
    )


def _hint_out(call: str, found: hint.Hint | hint.NoHint | None) -> HintOut:
    if not isinstance(found, hint.Hint):
        return HintOut(call=call, why_not="" if found is None else found.why)
    return HintOut(
        call=call,
        product=found.product,
        of_ten=found.of_ten,
        agreed=found.agreed,
        reasons=list(found.reasons),
        also=list(found.also),
        queue=found.queue,
        spoken=found.spoken,
        talk=None if found.talk is None else TalkOut(**asdict(found.talk)),
        guide=None if found.guide is None else TalkOut(**asdict(found.guide)),
        referral=None if found.referral is None else referral_out(found.referral),
    )


async def _number_of(parts: ConsoleParts, visitor: Visitor, customer: str) -> str:
    found = await parts.database.customers.find(customer) if customer else None
    if found is None:
        return ""
    await looked_at(parts, visitor, "customer", found.number)
    return found.phone


def _targets(mine: Mine) -> list[Target]:
    seats = [
        Target(kind="seat", id=one.id, name=one.name, state=one.state, since=one.since)
        for one in colleagues(mine.seats, mine.seat.id)
    ]
    queues = [
        Target(kind="queue", id=name, name=title, state="", since=None) for name, title in mine.queues.items()
    ]
    return [*seats, *queues]


def _caller_out(picture: CallerPicture) -> CallerOut:
    customer, call = picture.customer, picture.call
    return CallerOut(
        call=picture.id,
        known=picture.known,
        level=picture.level,
        language="" if call is None else call.language,
        customer="" if customer is None else customer.number,
        name="" if customer is None else customer.name,
        number=masked(picture.number),
        policy=picture.policy,
        policies=[
            PolicyOut(
                number=one.policy.number,
                product=one.policy.product_key,
                status=one.policy.status,
                premium_state=one.premium.state,
                amount=str(one.premium.amount.amount),
                currency=one.premium.amount.currency,
                due_on=None if one.premium.due_on is None else one.premium.due_on.isoformat(),
            )
            for one in picture.policies
        ],
        claims=[one.number for one in picture.claims],
        complaints=[one.number for one in picture.complaints],
        messages=[one.id for one in picture.messages],
        earlier=[one.call.id for one in picture.earlier],
    )
