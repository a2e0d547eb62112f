"""Lists and single records of every kind: search, CSV, one record with its form, changes, PINs."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from ivr.console.access import Administrator, ForbiddenError, Overseer, Visitor
from ivr.console.admin import sections
from ivr.console.admin.fields import SHOWN, exported, fields_of
from ivr.console.audit import did, looked_at
from ivr.console.listing import PAGE, csv_reply, listing, page_number
from ivr.console.pages import language_of, render, text
from ivr.console.parts import ConsoleParts, Parts
from policy_db.administration import Entry, Saved
from policy_db.errors import ConflictError, NotFoundError
from policy_db.imports import KINDS, problem_text
from policy_db.imports.kinds import subject_of
from policy_db.imports.values import written

router = APIRouter(prefix="/admin")
#: Who may read a kind besides administrators.
_MANAGERS_READ: Final = frozenset({"products", "seats"})
_PERSONAL: Final = frozenset({"customers", "policies", "salespeople"})
_WITH_PIN: Final = frozenset({"customers", "salespeople"})
_AT_ONCE: Final = 1000
#: What a record's page shows besides its form, by kind.
Section = Callable[[ConsoleParts, Visitor, Entry], Awaitable[dict[str, Any]]]
_SECTIONS: Final[Mapping[str, Section]] = {
    "customers": sections.customer,
    "policies": sections.policy,
    "products": sections.product,
    "salespeople": sections.salesperson,
    "seats": sections.seat,
}
_NOTES: Final = frozenset({"saved", "added", "removed", "pin_removed", "consent", "signed_out"})


def may_read(visitor: Visitor, kind: str) -> None:
    """Raises HTTPException for a kind that has no pages, ForbiddenError for one that is not the visitor's."""
    if kind not in SHOWN:
        raise HTTPException(404)
    if not visitor.has("administrator") and kind not in _MANAGERS_READ:
        raise ForbiddenError


def note_of(request: Request, visitor: Visitor) -> str:
    """What has just been done, if the address says so."""
    done = request.query_params.get("done", "")
    return text(request, visitor, f"admin.done.{done}") if done in _NOTES else ""


@router.get("/{kind}.csv")
async def csv_of_records(request: Request, parts: Parts, visitor: Overseer, kind: str) -> Response:
    """The list as a file that an import takes again."""
    may_read(visitor, kind)
    await did(parts, visitor, "exported", f"list:{kind}")
    words = request.query_params.get("q", "")

    async def rows() -> AsyncIterator[Sequence[object]]:
        offset = 0
        while found := await parts.database.administration.search(kind, words, offset=offset, limit=_AT_ONCE):
            for entry in found:
                yield [written(entry.values.get(name)) for name in exported(kind)]
            offset += _AT_ONCE

    return csv_reply(kind, exported(kind), rows())


@router.get("/{kind}")
async def list_of_records(request: Request, parts: Parts, visitor: Overseer, kind: str) -> Response:
    """The list."""
    may_read(visitor, kind)
    words, page = request.query_params.get("q", ""), page_number(request)
    admin = parts.database.administration
    rows = await admin.search(kind, words, offset=(page - 1) * PAGE, limit=PAGE + 1)
    if kind in _PERSONAL:
        await looked_at(parts, visitor, "list", kind)
    return render(
        request, visitor, "admin/list.html", kind=kind, shown=SHOWN[kind], note=note_of(request, visitor),
        listing=listing(request, rows, total=await admin.count(kind, words)), own_name=_own_name(request, visitor),
        administrator=visitor.has("administrator"),
    )  # fmt: skip


def _own_name(request: Request, visitor: Visitor) -> Callable[[Entry], str]:
    """A product's name in the visitor's language."""
    column = "name_en" if language_of(request, visitor) == "en" else "name_zh"
    return lambda entry: str(entry.values.get(column) or entry.values.get("name_zh") or "")


@router.get("/{kind}/new")
async def new_record(request: Request, visitor: Administrator, kind: str) -> Response:
    """The form for a new record."""
    may_read(visitor, kind)
    return _form(request, visitor, kind, None)


@router.post("/{kind}")
async def add_record(request: Request, parts: Parts, visitor: Administrator, kind: str) -> Response:
    """Add a record."""
    may_read(visitor, kind)
    cells = await cells_of(request, kind)
    try:
        saved = await parts.database.administration.save(kind, cells, by=visitor.who)
    except ConflictError:
        message = text(request, visitor, "admin.exists")
        return _form(request, visitor, kind, None, given=cells, message=message, status=409)
    if not saved:
        return _form(request, visitor, kind, None, given=cells, saved=saved, status=422)
    tell(parts, kind, saved.key)
    return RedirectResponse(f"/admin/{kind}/{saved.key}?done=added", 303)


@router.get("/{kind}/{key}")
async def one_record(request: Request, parts: Parts, visitor: Overseer, kind: str, key: str) -> Response:
    """One record, with what belongs to it."""
    may_read(visitor, kind)
    return await record_page(request, parts, visitor, kind, key)


@router.post("/{kind}/{key}")
async def change_record(
    request: Request, parts: Parts, visitor: Administrator, kind: str, key: str
) -> Response:
    """Change a record, if it still is as the form showed it."""
    may_read(visitor, kind)
    cells = {**await cells_of(request, kind), KINDS[kind].key[0]: key}
    seen = str((await request.form()).get("seen", ""))
    if not cells.get("id_number"):
        cells.pop("id_number", None)
    try:
        saved = await parts.database.administration.save(kind, cells, by=visitor.who, seen=seen)
    except NotFoundError:
        raise HTTPException(404) from None
    except ConflictError:
        message = text(request, visitor, "admin.changed_meanwhile")
        return await record_page(request, parts, visitor, kind, key, message=message, status=409)
    if not saved:
        return await record_page(request, parts, visitor, kind, key, given=cells, saved=saved, status=422)
    tell(parts, kind, key)
    return RedirectResponse(f"/admin/{kind}/{key}?done=saved", 303)


@router.post("/{kind}/{key}/pin")
async def reset_pin(request: Request, parts: Parts, visitor: Administrator, kind: str, key: str) -> Response:
    """A new PIN, shown this once; or the old one taken away."""
    may_read(visitor, kind)
    if kind not in _WITH_PIN:
        raise HTTPException(404)
    admin = parts.database.administration
    try:
        if (await request.form()).get("remove"):
            await admin.remove_pin(kind, key, by=visitor.who)
            return RedirectResponse(f"/admin/{kind}/{key}?done=pin_removed", 303)
        pin = new_pin()
        await admin.set_pin_hash(kind, key, await parts.database.pins.hash(pin), by=visitor.who)
    except NotFoundError:
        raise HTTPException(404) from None
    return await record_page(request, parts, visitor, kind, key, pin=pin)


def new_pin() -> str:
    """Six digits that nobody would guess first: no row, no digit six times, no date of this century."""
    while True:
        pin = f"{secrets.randbelow(10**6):06d}"
        steps = {(int(b) - int(a)) % 10 for a, b in pairwise(pin)}
        if len(steps) > 1 and len(set(pin)) > 2 and not pin.startswith(("19", "20")):
            return pin


async def cells_of(request: Request, kind: str) -> dict[str, str]:
    """What a form gives for the columns of a kind."""
    form = await request.form()
    return {one.name: str(form[one.name]) for one in KINDS[kind].columns if one.name in form}


def tell(parts: ConsoleParts, kind: str, key: str) -> None:
    """Nudge who shows it."""
    if kind == "seats":
        parts.bus.publish("seat", key)


async def record_page(
    request: Request, parts: ConsoleParts, visitor: Visitor, kind: str, key: str, *, status: int = 200,
    message: str = "", given: Mapping[str, str] | None = None, saved: Saved | None = None, pin: str = "",
) -> Response:  # fmt: skip
    """A record's page. Raises HTTPException where there is no such record."""
    admin = parts.database.administration
    entry = await admin.find(kind, key)
    if entry is None:
        raise HTTPException(404)
    if kind in _PERSONAL:
        await looked_at(parts, visitor, subject_of(kind), key)
    more = await _SECTIONS[kind](parts, visitor, entry)
    if kind in _WITH_PIN:
        more["has_pin"] = await admin.has_pin(kind, key)
    return render(
        request, visitor, f"admin/{subject_of(kind)}.html", status=status, kind=kind, entry=entry,
        fields=_fields(request, visitor, kind, entry, given, saved), message=message, pin=pin,
        general=_general(request, visitor, saved), note=note_of(request, visitor), own_name=_own_name(request, visitor),
        audit=await parts.database.audit.about(f"{subject_of(kind)}:{key}", limit=15),
        administrator=visitor.has("administrator"), **more,
    )  # fmt: skip


def _fields(
    request: Request, visitor: Visitor, kind: str, entry: Entry | None, given: Mapping[str, str] | None,
    saved: Saved | None,
) -> list[Any]:  # fmt: skip
    problems = () if saved is None else saved.problems
    return list(fields_of(kind, entry, language_of(request, visitor), given=given, problems=problems))


def _general(request: Request, visitor: Visitor, saved: Saved | None) -> list[str]:
    """What is wrong, but with no field of its own."""
    problems = () if saved is None else saved.problems
    return [problem_text(language_of(request, visitor), one) for one in problems if not one["column"]]


def _form(
    request: Request, visitor: Visitor, kind: str, entry: Entry | None, *, status: int = 200, message: str = "",
    given: Mapping[str, str] | None = None, saved: Saved | None = None,
) -> Response:  # fmt: skip
    return render(
        request, visitor, "admin/new.html", status=status, kind=kind, message=message,
        fields=_fields(request, visitor, kind, entry, given, saved), general=_general(request, visitor, saved),
    )  # fmt: skip
