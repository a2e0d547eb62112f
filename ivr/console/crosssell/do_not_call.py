"""The do-not-call list: who stands on it, since when and why; added to by everybody here, cut by overseers alone."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Annotated, Any, Final, Literal, get_args
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, StringConstraints, ValidationError
from starlette.datastructures import UploadFile

from ivr.console.access import Overseer, Visitor
from ivr.console.admin.uploads import limited
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
_NUMBER: Final = re.compile(r"\+?[0-9]{3,20}")
#: The largest file that is taken, in bytes, and how many lines of it.
LARGEST: Final = 1_000_000
MOST_LINES: Final = 5000
#: What the first line of a file may call its columns.
_NAMES: Final = {
    "number": "number", "telephone number": "number", "电话号码": "number", "customer": "customer", "客户号": "customer",
    "scope": "scope", "范围": "scope", "source": "source", "来源": "source", "until": "until", "至": "until",
}  # fmt: skip
#: Who does not oversee the list searches for somebody; it is not for reading through.
_LEAST_SEARCH: Final = 4
_DONE: Final = ("added", "removed", "imported")
#: Wrong lines of a file that are told.
_MOST_TOLD: Final = 20
_Word = Annotated[str, StringConstraints(max_length=100, strip_whitespace=True, pattern=r"^[^\x00]*$")]


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


@router.post("/import", dependencies=[Depends(limited(LARGEST))])
async def bring_in(request: Request, parts: Parts, visitor: Overseer) -> Response:
    """Put everybody of a CSV file on the list; nobody, if a line is wrong."""
    file = (await request.form()).get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        return await _page(
            request, parts, visitor, message=text(request, visitor, "do_not_call.file"), status=422
        )
    customers = parts.database.customers
    rows = read_lines(await file.read())
    known = await customers.names({row.get("customer", "")[:20] for row in rows if row.get("customer")})
    entries, wrong = entries_of(rows, known, parts.clock(), ZoneInfo(parts.settings.zone))
    if wrong or not entries:
        told = [
            text(
                request,
                visitor,
                "do_not_call.line",
                line=line,
                why=text(request, visitor, f"do_not_call.wrong.{why}"),
            )
            for line, why in wrong[:_MOST_TOLD]
        ]
        message = text(
            request, visitor, "do_not_call.file_wrong" if wrong else "do_not_call.file", count=len(wrong)
        )
        return await _page(request, parts, visitor, message=message, told=told, status=422)
    new = await parts.database.do_not_call.add_all(entries)
    await did(parts, visitor, "imported", "list:do_not_call", entries=len(entries), new=new)
    return RedirectResponse(f"/crosssell/do-not-call?done=imported&new={new}", 303)


@router.post("/{entry}/remove")
async def remove(
    request: Request, parts: Parts, visitor: Overseer, entry: int, reason: Annotated[Reason, Form()]
) -> Response:
    """Take an entry off the list; that it stood remains."""
    await removed(parts, visitor, entry, reason)
    return RedirectResponse("/crosssell/do-not-call?done=removed", 303)


async def added(request: Request, parts: ConsoleParts, visitor: Visitor, form: AddForm) -> DoNotCall:
    """Put somebody on the list. Raises BadValueError, in the visitor's language, for what names nobody."""
    known = await parts.database.customers.names({form.customer[:20]} if form.customer else ())
    wanted = entry_of(form, known, parts.clock(), ZoneInfo(parts.settings.zone))
    if isinstance(wanted, str):
        raise BadValueError(text(request, visitor, f"do_not_call.wrong.{wanted}"))
    entry = await parts.database.do_not_call.add(wanted)
    await did(parts, visitor, "added", f"do_not_call:{entry.id}", scope=form.scope, source=form.source)
    return entry


def entry_of(form: AddForm, customers: Collection[str], now: datetime, zone: ZoneInfo) -> DoNotCall | str:
    """The entry that a form describes, or which text says what is wrong; `customers` are numbers that there are."""
    number = re.sub(r"[\s()（）-]", "", form.number)
    if not (number or form.customer):
        return "nobody"
    if number and not _NUMBER.fullmatch(number):
        return "number"
    if form.customer and form.customer not in customers:
        return "customer"
    until = _until(form.until, zone)
    if form.until and (until is None or until <= now):
        return "until"
    return DoNotCall(number, form.customer, form.scope, now, until, form.source)


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


def read_lines(content: bytes) -> list[dict[str, str]]:
    """The lines of a CSV file in UTF-8 or GB18030, by the names of its first line, in English or Chinese."""
    try:
        told = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        told = content.decode("gb18030", "replace")
    lines = csv.reader(io.StringIO(told.replace("\x00", "")))
    try:
        names = [_NAMES.get(one.strip().casefold(), "") for one in next(lines, [])]
        rows = [
            dict(zip(names, map(str.strip, line), strict=False)) for line in islice(lines, MOST_LINES + 1)
        ]
    except csv.Error:
        return []
    return [{name: value for name, value in row.items() if name and value} for row in rows]


def entries_of(
    rows: Sequence[Mapping[str, str]], customers: Collection[str], now: datetime, zone: ZoneInfo
) -> tuple[list[DoNotCall], list[tuple[int, str]]]:
    """The entries of a file, and the wrong lines by their number with which text says why; blank lines are nothing."""
    if len(rows) > MOST_LINES:
        return [], [(MOST_LINES + 2, "long")]
    entries: list[DoNotCall] = []
    wrong: list[tuple[int, str]] = []
    for line, row in enumerate(rows, start=2):
        if not row:
            continue
        try:
            found_ = entry_of(AddForm(**dict({"source": "other"}, **row)), customers, now, zone)
        except ValidationError:
            found_ = "word"
        if isinstance(found_, str):
            wrong.append((line, found_))
        else:
            entries.append(found_)
    return entries, wrong


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
    status: int = 200, told: Sequence[str] = (),
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
        message=message, told=told, later=after_of(request) is not None, names=await names_for(request, parts, visitor),
        sources=SOURCES, reasons=REASONS, now=parts.clock(), overseer=visitor.has(*OVERSEERS),
        total=await parts.database.do_not_call.count(), least=_LEAST_SEARCH,
        done=text(request, visitor, f"do_not_call.done.{done}", new=word(request, "new")) if done in _DONE else "",
        **values,
    )  # fmt: skip


async def _reason(parts: ConsoleParts, entry: DoNotCall) -> Removed:
    trail = await parts.database.audit.about(f"do_not_call:{entry.id}", limit=5)
    told = next((one.details.get("reason", "") for one in trail if one.action == "removed"), "")
    return Removed(entry.removed_by.removeprefix("staff:"), str(told))
