"""The do-not-call list: who stands on it, since when and why; added to by everybody here, cut by overseers alone."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Literal, get_args
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, StringConstraints

from ivr.console.access import Overseer, Visitor
from ivr.console.audit import did, looked_at
from ivr.console.crosssell.desk import AT_ONCE, MOST_ROWS, OVERSEERS, Seller, names_for, shown, word
from ivr.console.formats import iso
from ivr.console.listing import PAGE, csv_reply
from ivr.console.pages import text
from ivr.console.parts import ConsoleParts, Parts
from policy_db.errors import BadValueError, NotFoundError
from policy_db.moments import midnight
from policy_db.selling_facts import DoNotCall, Scope

router = APIRouter(prefix="/crosssell/do-not-call")
#: Where a wish came from; kept with the entry.
Source = Literal["call", "letter", "form", "complaint", "regulator", "other"]
SOURCES: Final[tuple[Source, ...]] = get_args(Source)
#: Why an entry is taken off; a word of ours, because it goes into the audit.
Reason = Literal["asked_again", "mistake", "number_changed", "other"]
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)
_COLUMNS: Final = (
    "id",
    "number",
    "customer",
    "scope",
    "since",
    "until",
    "source",
    "removed_at",
    "removed_by",
)
_NUMBER: Final = re.compile(r"\+?\d{3,20}")
_CUSTOMER: Final = re.compile(r"[0-9A-Za-z-]{1,20}")
#: Who does not oversee the list searches for somebody; it is not for reading through.
_LEAST_SEARCH: Final = 4
_Word = Annotated[str, StringConstraints(max_length=100, strip_whitespace=True)]


class AddForm(BaseModel):
    """Someone who wants no offers, or no calls; the last day may be empty."""

    number: _Word = ""
    customer: _Word = ""
    scope: Scope = "sales"
    source: Source = "call"
    until: _Word = ""


@dataclass(frozen=True, slots=True)
class Removed:
    """Why and by whom an entry was taken off."""

    who: str
    reason: str


@router.get("")
async def list_page(request: Request, parts: Parts, visitor: Seller) -> Response:
    """The list, searched."""
    return await _page(request, parts, visitor)


@router.get(".csv")
async def list_csv(request: Request, parts: Parts, visitor: Overseer) -> Response:
    """The list as it is searched, as CSV."""
    await did(parts, visitor, "exported", "list:do_not_call")
    header = [text(request, visitor, f"do_not_call.column.{name}") for name in _COLUMNS]
    return csv_reply(
        "do-not-call", header, _lines(parts, word(request, "q"), word(request, "view") != "removed")
    )


async def _lines(parts: ConsoleParts, q: str, standing: bool) -> AsyncIterator[Sequence[object]]:
    after, sent = None, 0
    while sent < MOST_ROWS:
        batch = await parts.database.do_not_call.page(q, standing=standing, after=after, limit=AT_ONCE)
        for one in batch:
            yield (
                one.id, one.number, one.customer, one.scope, iso(one.since), iso(one.until), one.source,
                iso(one.removed_at), one.removed_by,
            )  # fmt: skip
        sent += len(batch)
        if len(batch) < AT_ONCE:
            return
        after = batch[-1].id


@router.post("")
async def add(request: Request, parts: Parts, visitor: Seller, form: Annotated[AddForm, Form()]) -> Response:
    """Put somebody on the list."""
    try:
        await added(request, parts, visitor, form)
    except BadValueError as error:
        return await _page(request, parts, visitor, given=form, message=str(error), status=422)
    return RedirectResponse("/crosssell/do-not-call?done=added", 303)


@router.post("/{entry}/remove")
async def remove(
    request: Request, parts: Parts, visitor: Overseer, entry: int, reason: Annotated[Reason, Form()]
) -> Response:
    """Take an entry off the list; that it stood remains."""
    await removed(parts, visitor, entry, reason)
    return RedirectResponse("/crosssell/do-not-call?done=removed", 303)


async def added(request: Request, parts: ConsoleParts, visitor: Visitor, form: AddForm) -> DoNotCall:
    """Put somebody on the list. Raises BadValueError, in the visitor's language, for what names nobody."""
    number = re.sub(r"[\s()（）-]", "", form.number)
    if not (number or form.customer):
        raise BadValueError(text(request, visitor, "do_not_call.wrong.nobody"))
    if number and not _NUMBER.fullmatch(number):
        raise BadValueError(text(request, visitor, "do_not_call.wrong.number"))
    if form.customer and not (
        _CUSTOMER.fullmatch(form.customer) and await parts.database.customers.find(form.customer)
    ):
        raise BadValueError(text(request, visitor, "do_not_call.wrong.customer"))
    now = parts.clock()
    until = _until(form.until, ZoneInfo(parts.settings.zone))
    if form.until and (until is None or until <= now):
        raise BadValueError(text(request, visitor, "do_not_call.wrong.until"))
    entry = await parts.database.do_not_call.add(
        DoNotCall(number, form.customer, form.scope, now, until, form.source)
    )
    await did(parts, visitor, "added", f"do_not_call:{entry.id}", scope=form.scope, source=form.source)
    return entry


async def removed(parts: ConsoleParts, visitor: Visitor, entry: int, reason: Reason) -> DoNotCall:
    """Take an entry off the list. Raises NotFoundError if none such stands."""
    gone = None
    if 0 < entry < 2**31:
        gone = await parts.database.do_not_call.remove(entry, who=visitor.who, at=parts.clock())
    if gone is None:
        raise NotFoundError("No such entry stands.")
    await did(parts, visitor, "removed", f"do_not_call:{entry}", reason=reason)
    return gone


async def found(
    parts: ConsoleParts, visitor: Visitor, q: str, *, standing: bool, after: int | None, limit: int
) -> tuple[DoNotCall, ...]:
    """Entries; whoever does not oversee the list sees those of a number or customer only."""
    if not visitor.has(*OVERSEERS) and len(q) < _LEAST_SEARCH:
        return ()
    return await parts.database.do_not_call.page(q, standing=standing, after=after, limit=limit)


def after_of(request: Request) -> int | None:
    """The entry with which the page before ended."""
    before = word(request, "before")
    return int(before) if before.isascii() and before.isdigit() and len(before) < 10 else None


def _until(day: str, zone: ZoneInfo) -> datetime | None:
    """The end of a day, as a moment."""
    try:
        last = date.fromisoformat(day)
    except ValueError:
        return None
    return midnight(last + timedelta(days=1), zone) if 1970 < last.year < 2199 else None


async def _page(
    request: Request, parts: ConsoleParts, visitor: Visitor, *, given: AddForm | None = None, message: str = "",
    status: int = 200,
) -> Response:  # fmt: skip
    q, standing = word(request, "q"), word(request, "view") != "removed"
    rows = await found(parts, visitor, q, standing=standing, after=after_of(request), limit=PAGE + 1)
    if rows:
        await looked_at(parts, visitor, "list", "do_not_call")
    page = rows[:PAGE]
    done = request.query_params.get("done", "")
    values: dict[str, Any] = {
        "rows": page,
        "more": page[-1].id if len(rows) > PAGE else None,
        "reasons_of": {} if standing else {one.id: await _reason(parts, one) for one in page},
        "customers": await parts.database.customers.names({one.customer for one in page if one.customer}),
    }
    return shown(
        request, visitor, "do_not_call.html", status=status, q=q, standing=standing, given=given or AddForm(),
        message=message, later=after_of(request) is not None, names=await names_for(request, parts, visitor),
        sources=SOURCES, reasons=REASONS, now=parts.clock(), overseer=visitor.has(*OVERSEERS),
        total=await parts.database.do_not_call.count(), least=_LEAST_SEARCH,
        done=text(request, visitor, f"do_not_call.done.{done}") if done in ("added", "removed") else "", **values,
    )  # fmt: skip


async def _reason(parts: ConsoleParts, entry: DoNotCall) -> Removed:
    trail = await parts.database.audit.about(f"do_not_call:{entry.id}", limit=5)
    told = next((one.details.get("reason", "") for one in trail if one.action == "removed"), "")
    return Removed(entry.removed_by.removeprefix("staff:"), str(told))
