"""The do-not-call list as JSON."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, StringConstraints

from ivr.console.access import Overseer
from ivr.console.audit import looked_at
from ivr.console.crosssell.desk import Seller
from ivr.console.crosssell.do_not_call import AddForm, Reason, Source, added, found, removed
from ivr.console.listing import SizeAsked
from ivr.console.parts import Parts
from policy_db.selling_facts import DoNotCall, Scope

router = APIRouter(prefix="/crosssell/do-not-call")
_Word = Annotated[str, StringConstraints(max_length=30, strip_whitespace=True, pattern=r"^[^\x00]*$")]


class EntryOut(BaseModel):
    """Someone who wants no offers (`sales`) or no calls at all (`all`)."""

    id: int
    number: str
    customer: str
    scope: Scope
    since: datetime
    until: datetime | None
    source: str
    removed_at: datetime | None
    removed_by: str


class EntriesOut(BaseModel):
    """One page, the latest first; `next` goes into `before` for the page after it, None if there is none."""

    items: list[EntryOut]
    next: int | None


class EntryIn(BaseModel):
    """Who is to be left alone: a number, a customer, or both; `until` is the last day."""

    number: _Word = ""
    customer: _Word = ""
    scope: Scope = "sales"
    source: Source = "call"
    until: date | None = None


class RemovalIn(BaseModel):
    """Why it is taken off."""

    reason: Reason


@router.get("")
async def entries(
    parts: Parts,
    visitor: Seller,
    q: Annotated[str, Query(max_length=40)] = "",
    removed_ones: Annotated[bool, Query(alias="removed")] = False,
    before: Annotated[int | None, Query(ge=1, le=2_000_000_000)] = None,
    size: SizeAsked = 50,
) -> EntriesOut:
    """Entries of numbers or customers that begin with `q`; whoever does not oversee the list has to name one."""
    rows = await found(
        parts, visitor, q.replace("\x00", "").strip(), standing=not removed_ones, after=before, limit=size + 1
    )
    if rows:
        await looked_at(parts, visitor, "list", "do_not_call")
    return EntriesOut(
        items=[_out(one) for one in rows[:size]], next=rows[size - 1].id if len(rows) > size else None
    )


@router.post("", status_code=201)
async def add(request: Request, parts: Parts, visitor: Seller, asked: EntryIn) -> EntryOut:
    """Put somebody on the list; the same again gives the entry that stands."""
    until = "" if asked.until is None else asked.until.isoformat()
    form = AddForm(
        number=asked.number, customer=asked.customer, scope=asked.scope, source=asked.source, until=until
    )
    return _out(await added(request, parts, visitor, form))


@router.post("/{entry}/removal")
async def remove(
    parts: Parts, visitor: Overseer, entry: Annotated[int, Path(ge=1, le=2_000_000_000)], asked: RemovalIn
) -> EntryOut:
    """Take an entry off the list; it stays to be read with who did it and when."""
    return _out(await removed(parts, visitor, entry, asked.reason))


def _out(one: DoNotCall) -> EntryOut:
    return EntryOut(**{name: getattr(one, name) for name in EntryOut.model_fields})
