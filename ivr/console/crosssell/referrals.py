"""Pages of referrals: the list, and one with its way and all that can be said of it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field, StringConstraints

from ivr.console.access import Visitor
from ivr.console.audit import did, looked_at
from ivr.console.crosssell.desk import (
    AT_ONCE,
    MOST_ROWS,
    Names,
    Seller,
    coordinators,
    days,
    names_for,
    place,
    place_after,
    sees_all,
    self_as,
    shown,
    word,
)
from ivr.console.crosssell.referring import (
    Told,
    Wish,
    begin_another,
    found,
    may_act,
    may_name,
    move,
    moves_of,
    name_coordinator,
    reached,
    together,
)
from ivr.console.crosssell.referring import note as add_note
from ivr.console.formats import iso
from ivr.console.listing import PAGE, csv_reply
from ivr.console.pages import language_of, text
from ivr.console.parts import ConsoleParts, Parts
from policy_db.errors import BadValueError, ConflictError
from policy_db.message_facts import StaleError
from policy_db.selling_facts import ENDS, WAY, Referral, ReferralFilter, ReferralState, ReferralStep

router = APIRouter(prefix="/crosssell/referrals")
STATES: Final[tuple[ReferralState, ...]] = get_args(ReferralState)
#: Those that somebody still has to do something about, or whose caller is being asked.
OPEN: Final = tuple(one for one in STATES if one not in ENDS)
#: What a list is about; `mine` and `uncoordinated` are for those who see more than their own.
VIEWS: Final = ("open", "mine", "uncoordinated", "ended", "all")
_COLUMNS: Final = (
    "id", "flagged_at", "state", "product", "also", "customer", "name", "referred_by", "seat", "coordinator",
    "policy", "premium", "changed_at", "call",
)  # fmt: skip
_Word = Annotated[str, StringConstraints(max_length=100, strip_whitespace=True)]
#: Longer than a note may be, so that one that is too long comes back to the form.
_Long = Annotated[str, StringConstraints(max_length=10_000, strip_whitespace=True)]


class MoveForm(BaseModel):
    """What is said of a referral, as the form sends it."""

    state: Told
    version: int = Field(ge=0, le=2_000_000_000)
    note: _Long = ""
    policy: _Word = ""
    premium: _Word = ""

    @property
    def wish(self) -> Wish:
        """The same for whoever does it."""
        return Wish(self.state, self.version, self.note, self.policy, self.premium)


@dataclass(frozen=True, slots=True)
class StepTold:
    """A step in words: who took it, and what is noted."""

    step: ReferralStep
    who: str
    note: str


def views_of(visitor: Visitor) -> tuple[str, ...]:
    """The lists that a visitor has; all of a seat's are of its own referrals."""
    return VIEWS if sees_all(visitor) else ("open", "ended", "all")


def wanted_of(request: Request, parts: ConsoleParts, visitor: Visitor) -> tuple[str, ReferralFilter]:
    """The view and the filter of an address; words that mean nothing are left out."""
    view, state = word(request, "view"), word(request, "state")
    view = view if view in views_of(visitor) else "open"
    since, until = days(request, parts)
    by_view = {"open": OPEN, "ended": tuple(ENDS)}.get(view, ())
    return view, ReferralFilter(
        states=(state,) if state in STATES else by_view,
        product=word(request, "product"),
        seat=word(request, "seat"),
        coordinator="-" if view == "uncoordinated" else word(request, "coordinator"),
        several=bool(word(request, "several")),
        q=word(request, "q"),
        since=since,
        until=until,
        people=() if sees_all(visitor) and view != "mine" else self_as(visitor),
    )


@router.get("")
async def list_page(request: Request, parts: Parts, visitor: Seller) -> Response:
    """The referrals as they are filtered, the latest first."""
    view, wanted = wanted_of(request, parts, visitor)
    referrals = parts.database.referrals
    rows = await referrals.page(wanted, after=place(word(request, "before")), limit=PAGE + 1)
    page, more = rows[:PAGE], len(rows) > PAGE
    await looked_at(parts, visitor, "list", "referrals")
    query = {name: value for name, value in request.query_params.items() if value and name != "before"}
    after = urlencode({**query, "before": place_after(page[-1].flagged_at, page[-1].id)}) if more else ""
    return shown(
        request, visitor, "referral_rows.html" if "hx-request" in request.headers else "referrals.html",
        rows=page, view=view, views=views_of(visitor), wanted=wanted, query=query, first=urlencode(query),
        after=after, later="before" in request.query_params, states=STATES, all=sees_all(visitor),
        tally=await referrals.tally(replace(wanted, states=())), names=await names_for(request, parts, visitor),
        customers=await parts.database.customers.names({one.customer for one in page}),
        coordinators=await coordinators(parts), live=request.url.query,
    )  # fmt: skip


@router.get(".csv")
async def list_csv(request: Request, parts: Parts, visitor: Seller) -> Response:
    """The list as it is filtered, as CSV."""
    view, wanted = wanted_of(request, parts, visitor)
    await did(parts, visitor, "exported", "list:referrals", view=view)
    header = [text(request, visitor, f"referrals.column.{name}") for name in _COLUMNS]
    names = await names_for(request, parts, visitor)
    return csv_reply("referrals", header, _lines(request, parts, visitor, names, wanted))


async def _lines(
    request: Request, parts: ConsoleParts, visitor: Visitor, names: Names, wanted: ReferralFilter
) -> AsyncIterator[Sequence[object]]:
    after, sent = None, 0
    while sent < MOST_ROWS:
        batch = await parts.database.referrals.page(wanted, after=after, limit=AT_ONCE)
        customers = await parts.database.customers.names({one.customer for one in batch})
        for one in batch:
            yield (
                one.id, iso(one.flagged_at), text(request, visitor, f"referral.{one.state}"),
                names.product(one.product), "; ".join(map(names.product, one.also)), one.customer,
                customers.get(one.customer, ""), names.seat(one.referred_by), names.seat(one.seat),
                names.person(one.coordinator), one.policy, one.premium, iso(one.changed_at), one.call_id,
            )  # fmt: skip
        sent += len(batch)
        if len(batch) < AT_ONCE:
            return
        after = (batch[-1].flagged_at, batch[-1].id)


@router.get("/{referral}")
async def one_page(request: Request, parts: Parts, visitor: Seller, referral: str) -> Response:
    """One referral."""
    known = await found(parts, visitor, referral)
    await looked_at(parts, visitor, "referral", known.id)
    return await _page(request, parts, visitor, known)


@router.post("/{referral}/move")
async def move_it(
    request: Request, parts: Parts, visitor: Seller, referral: str, form: Annotated[MoveForm, Form()]
) -> Response:
    """Say what became of it, from the version that the form was made of."""
    known = await found(parts, visitor, referral)
    try:
        await move(request, parts, visitor, known, form.wish)
    except StaleError as stale:
        known = await found(parts, visitor, referral)
        return await _page(request, parts, visitor, known, status=409, given=form, stale=stale)
    except (BadValueError, ConflictError) as error:
        status = 422 if isinstance(error, BadValueError) else 409
        return await _page(request, parts, visitor, known, status=status, given=form, message=str(error))
    return _back(known)


@router.post("/{referral}/coordinator")
async def name_it(
    request: Request,
    parts: Parts,
    visitor: Seller,
    referral: str,
    version: Annotated[int, Form(ge=0, le=2_000_000_000)],
    coordinator: Annotated[_Word, Form()] = "",
) -> Response:
    """Name who coordinates it."""
    known = await found(parts, visitor, referral)
    try:
        await name_coordinator(request, parts, visitor, known, coordinator, version)
    except StaleError as stale:
        known = await found(parts, visitor, referral)
        return await _page(request, parts, visitor, known, status=409, coordinator=coordinator, stale=stale)
    except BadValueError as error:
        return await _page(request, parts, visitor, known, status=422, message=str(error))
    return _back(known)


@router.post("/{referral}/note")
async def note_it(
    request: Request,
    parts: Parts,
    visitor: Seller,
    referral: str,
    note: Annotated[str, Form(max_length=10_000)] = "",
) -> Response:
    """Add a word to it."""
    known = await found(parts, visitor, referral)
    try:
        await add_note(parts, visitor, known, note)
    except BadValueError:
        message = text(request, visitor, "referrals.wrong.note")
        return await _page(request, parts, visitor, known, status=422, message=message, noted=note)
    return _back(known)


@router.post("/{referral}/products/{product}")
async def another(request: Request, parts: Parts, visitor: Seller, referral: str, product: str) -> Response:
    """Begin the referral of another product for its own specialist."""
    known = await found(parts, visitor, referral)
    try:
        begun = await begin_another(request, parts, visitor, known, product)
    except (BadValueError, ConflictError) as error:
        status = 422 if isinstance(error, BadValueError) else 409
        return await _page(request, parts, visitor, known, status=status, message=str(error))
    return _back(begun)


@router.get("/{referral}/way")
async def live(request: Request, parts: Parts, visitor: Seller, referral: str) -> Response:
    """Where it is and how it came there; reads itself again."""
    known = await found(parts, visitor, referral)
    return shown(request, visitor, "referral_way.html", **await _told(request, parts, visitor, known))


def _back(known: Referral) -> Response:
    return RedirectResponse(f"/crosssell/referrals/{known.id}", 303)


async def _page(
    request: Request, parts: ConsoleParts, visitor: Visitor, known: Referral, *, status: int = 200,
    given: MoveForm | None = None, stale: StaleError | None = None, message: str = "",
    coordinator: str | None = None, noted: str = "",
) -> Response:  # fmt: skip
    decided = None if known.suggestion is None else await parts.database.suggestions.find(known.suggestion)
    language = language_of(request, visitor)
    return shown(
        request, visitor, "referral.html", status=status, given=given, stale=stale, message=message, noted=noted,
        coordinator=known.coordinator if coordinator is None else coordinator, coordinators=await coordinators(parts),
        moves=moves_of(known) if may_act(visitor, known) else (), acts=may_act(visitor, known),
        names_coordinator=may_name(visitor, known), decided=decided, overseer=sees_all(visitor),
        reasons=[] if decided is None else [one["text"].get(language, "") for one in decided.reasons],
        group=await together(parts, known), **await _told(request, parts, visitor, known),
    )  # fmt: skip


async def _told(request: Request, parts: ConsoleParts, visitor: Visitor, known: Referral) -> dict[str, Any]:
    names = await names_for(request, parts, visitor)
    steps = await parts.database.referrals.steps(known.id)
    customers = await parts.database.customers.names({known.customer})
    return {
        "referral": known,
        "names": names,
        "customer": customers.get(known.customer, ""),
        "way": WAY,
        "reached": reached(tuple(one.state for one in steps)),
        "at": {one.state: one.at for one in reversed(steps)},
        "steps": [_step(request, visitor, names, one) for one in reversed(steps)],
    }


def _step(request: Request, visitor: Visitor, names: Names, step: ReferralStep) -> StepTold:
    who = (
        text(request, visitor, f"referrals.who.{step.who}")
        if step.who in ("caller", "hotline")
        else names.person(step.who)
    )
    if step.note.startswith("coordinator: "):
        named = names.person(step.note.removeprefix("coordinator: ")) or "–"
        return StepTold(step, who, text(request, visitor, "referrals.coordinator_is", who=named))
    if step.who.startswith("seat:") and (sent := re.fullmatch(r"to (\S{1,64})", step.note)):
        return StepTold(step, who, text(request, visitor, "referrals.sent_to", to=names.seat(sent[1])))
    return StepTold(step, who, step.note)
