"""What is done to a record beside its form: consents, commissions, rates, a seat's presence."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from ivr.console.access import Administrator, Overseer, Visitor
from ivr.console.admin.fields import exported, fields_of
from ivr.console.admin.records import cells_of, note_of, record_page, tell
from ivr.console.audit import did
from ivr.console.listing import csv_reply
from ivr.console.pages import language_of, render, text
from ivr.console.parts import ConsoleParts, Parts
from policy_db.administration import Entry, Saved
from policy_db.errors import NotFoundError
from policy_db.imports import problem_text
from policy_db.imports.values import written

router = APIRouter(prefix="/admin")
_MOST_RATES: Final = 20_000


@router.post("/customers/{key}/consents")
async def set_consent(
    parts: Parts,
    visitor: Administrator,
    key: str,
    purpose: Annotated[str, Form(pattern=r"^[a-z_]{1,40}$")],
    given: Annotated[str, Form()] = "no",
) -> Response:
    """Note a customer's yes or no; the earlier ones stay as evidence."""
    try:
        await parts.database.customers.set_consent(
            key, purpose, given=given == "yes", source=f"console:{visitor.name}"
        )
    except NotFoundError:
        raise HTTPException(404) from None
    await did(parts, visitor, "set_consent", f"customer:{key}", purpose=purpose, given=given == "yes")
    return RedirectResponse(f"/admin/customers/{key}?done=consent", 303)


@router.post("/salespeople/{key}/commissions")
async def add_commission(request: Request, parts: Parts, visitor: Administrator, key: str) -> Response:
    """Add or change a month's commission."""
    cells = {**await cells_of(request, "commissions"), "salesperson": key}
    saved = await save_either(parts, "commissions", cells, visitor)
    if not saved:
        return await record_page(
            request, parts, visitor, "salespeople", key, status=422, message=told(request, visitor, saved)
        )
    return RedirectResponse(f"/admin/salespeople/{key}?done=saved", 303)


@router.post("/salespeople/{key}/commissions/{number}/remove")
async def remove_commission(parts: Parts, visitor: Administrator, key: str, number: int) -> Response:
    """Take a commission away."""
    await parts.database.administration.remove(
        "commissions", number, by=visitor.who, subject=f"salesperson:{key}"
    )
    return RedirectResponse(f"/admin/salespeople/{key}?done=removed", 303)


@router.get("/products/{key}/rates")
async def rates_page(request: Request, parts: Parts, visitor: Overseer, key: str) -> Response:
    """A product's rates as a grid, filtered by age, sex and term, with premiums for a sum."""
    return await _rates(request, parts, visitor, key)


@router.get("/products/{key}/rates.csv")
async def rates_csv(parts: Parts, visitor: Overseer, key: str) -> Response:
    """A product's rates as a file that an import takes again."""
    entry = await _product(parts, key)
    await did(parts, visitor, "exported", f"product:{key}", what="rates")
    rows = await parts.database.administration.search("rates", product_id=entry.id, limit=_MOST_RATES)
    names = exported("rates")
    return csv_reply(f"rates-{key}", names, ([written(one.values.get(n)) for n in names] for one in rows))


@router.post("/products/{key}/rates")
async def set_rate(request: Request, parts: Parts, visitor: Administrator, key: str) -> Response:
    """Add a rate, or change the one of that term, sex and first age."""
    cells = {**await cells_of(request, "rates"), "product": key}
    saved = await save_either(parts, "rates", cells, visitor)
    if not saved:
        return await _rates(request, parts, visitor, key, given=cells, saved=saved)
    return RedirectResponse(f"/admin/products/{key}/rates?term={cells.get('term', '')}&done=saved", 303)


@router.post("/products/{key}/rates/{number}/remove")
async def remove_rate(parts: Parts, visitor: Administrator, key: str, number: int) -> Response:
    """Take a rate away."""
    await parts.database.administration.remove("rates", number, by=visitor.who, subject=f"product:{key}")
    return RedirectResponse(f"/admin/products/{key}/rates?done=removed", 303)


@router.post("/seats/{key}/sign-out")
async def sign_out_seat(parts: Parts, visitor: Administrator, key: str) -> Response:
    """Send a seat home; during a call, when that is over."""
    result = await parts.desk.sign_out(key, who=visitor.who)
    if not result and result.why == "unknown":
        raise HTTPException(404)
    await did(parts, visitor, "signed_out_seat", f"seat:{key}")
    tell(parts, "seats", key)
    return RedirectResponse(f"/admin/seats/{key}?done=signed_out", 303)


@router.post("/seats/{key}/remove")
async def remove_seat(request: Request, parts: Parts, visitor: Administrator, key: str) -> Response:
    """Delete a seat that is offline and has never served anybody."""
    if not await parts.database.seats.remove(key):
        message = text(request, visitor, "admin.seat_stays")
        return await record_page(request, parts, visitor, "seats", key, status=409, message=message)
    await did(parts, visitor, "removed_seat", f"seat:{key}")
    tell(parts, "seats", key)
    return RedirectResponse("/admin/seats?done=removed", 303)


async def save_either(parts: ConsoleParts, kind: str, cells: dict[str, str], visitor: Visitor) -> Saved:
    """Add a record, or change the one that is there."""
    return await parts.database.administration.save(kind, cells, by=visitor.who, either=True)


def told(request: Request, visitor: Visitor, saved: Saved) -> str:
    """Everything that is wrong, in one line."""
    language = language_of(request, visitor)
    return " ".join(
        f"{text(request, visitor, 'admin_field.' + one['column'])}: {problem_text(language, one)}"
        if one["column"]
        else problem_text(language, one)
        for one in saved.problems
        if one["severity"] == "error"
    )


async def _product(parts: ConsoleParts, key: str) -> Entry:
    entry = await parts.database.administration.find("products", key)
    if entry is None:
        raise HTTPException(404)
    return entry


async def _rates(
    request: Request, parts: ConsoleParts, visitor: Visitor, key: str, *, given: dict[str, str] | None = None,
    saved: Saved | None = None,
) -> Response:  # fmt: skip
    entry = await _product(parts, key)
    rows = await parts.database.administration.search("rates", product_id=entry.id, limit=_MOST_RATES)
    filters = _filters(request)
    shown = [one for one in rows if _fits(one, filters)]
    columns = sorted(
        {(str(one.values["sex"]), int(one.values["term"])) for one in shown}, key=lambda c: (c[1], c[0])
    )
    language = language_of(request, visitor)
    fields = fields_of(
        "rates", None, language, given=given or {"product": key}, leave=("product",),
        problems=() if saved is None else saved.problems,
    )  # fmt: skip
    return render(
        request, visitor, "admin/rates.html", status=200 if saved is None else 422, entry=entry, filters=filters,
        columns=columns, grid=await _grid(parts, entry, shown, columns, filters), fields=fields,
        terms=sorted({int(one.values["term"]) for one in rows}), sexes=sorted({str(one.values["sex"]) for one in rows}),
        message="", general=[], note=note_of(request, visitor), administrator=visitor.has("administrator"),
        own_name=lambda e: e.values["name_en" if language == "en" else "name_zh"],
    )  # fmt: skip


def _filters(request: Request) -> dict[str, Any]:
    query = request.query_params
    try:
        total = Decimal(query.get("sum", "") or "0")
        total = total.quantize(Decimal("0.01")) if 0 < total < 10**11 else Decimal(0)
    except InvalidOperation:
        total = Decimal(0)
    return {
        "age": _whole(query.get("age", "")), "term": _whole(query.get("term", "")), "sex": query.get("sex", ""),
        "sum": total or None,
    }  # fmt: skip


def _whole(text_: str) -> int | None:
    return int(text_) if text_.isascii() and text_.isdigit() and len(text_) < 5 else None


def _fits(rate: Entry, filters: dict[str, Any]) -> bool:
    values, age = rate.values, filters["age"]
    return (
        (age is None or values["age_from"] <= age <= values["age_to"])
        and (filters["term"] is None or values["term"] == filters["term"])
        and (not filters["sex"] or values["sex"] in (filters["sex"], "any"))
    )


async def _grid(
    parts: ConsoleParts, entry: Entry, rates: list[Entry], columns: list[tuple[str, int]], filters: dict[str, Any]
) -> list[tuple[str, list[dict[str, Any] | None]]]:  # fmt: skip
    """Rows by age band, cells by sex and term; with a sum, what it costs a year as callers are quoted it."""
    cells: dict[tuple[int, int], dict[tuple[str, int], dict[str, Any]]] = {}
    for one in rates:
        values = one.values
        cell = {"id": one.id, "rate": values["rate"], "term": values["term"], "premium": None}
        if filters["sum"]:
            cell["premium"] = (filters["sum"] * values["rate"] / 1000).quantize(Decimal("0.01"))
        cells.setdefault((values["age_from"], values["age_to"]), {})[(values["sex"], values["term"])] = cell
    return [
        (f"{first}–{last}", [row.get(column) for column in columns])
        for (first, last), row in sorted(cells.items())
    ]
