"""The proof report: what offering brought, to whom, by whom; to read, print and keep as CSV."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from ivr.console.access import Overseer, Visitor
from ivr.console.audit import did
from ivr.console.crosssell.reading import WINDOWS, Asked, asked_of, reckoned
from ivr.console.crosssell.tables import TABLES, VIEWS, gate_text, plain
from ivr.console.crosssell.watching import WATCH, watch_tables
from ivr.console.listing import csv_reply
from ivr.console.pages import language_of, render
from ivr.console.parts import ConsoleParts, Parts

router = APIRouter()
_EVERY = (*VIEWS, WATCH)
#: Words that the definitions explain, in their order.
EXPLAINED = (
    "uplift", "window", "holdout", "random", "always", "fixed", "evidence", "total", "dr", "snips", "ips", "effective",
    "own", "any", "rate", "call_to_sale", "premium", "ratio", "four_fifths", "psi", "calibration", "intercept",
)  # fmt: skip


@router.get("/crosssell/report")
async def report_page(request: Request, parts: Parts, visitor: Overseer, view: str = "proof") -> Response:
    """One part of the report."""
    if view not in _EVERY:
        raise HTTPException(404)
    asked = asked_of(request, parts)
    tables = await _tables(parts, asked, view)
    values = await _values(request, parts, visitor, asked)
    return render(request, visitor, "crosssell/report.html", view=view, tables=tables, **values)


@router.get("/crosssell/report/print")
async def print_page(request: Request, parts: Parts, visitor: Overseer) -> Response:
    """Every table on one page, to be printed."""
    asked = asked_of(request, parts)
    tables = [table for view in _EVERY for table in await _tables(parts, asked, view)]
    values = await _values(request, parts, visitor, asked)
    return render(request, visitor, "crosssell/print.html", tables=tables, **values)


@router.get("/crosssell/report/definitions")
async def definitions(request: Request, visitor: Overseer) -> Response:
    """What each figure means."""
    return render(request, visitor, "crosssell/definitions.html", explained=EXPLAINED)


@router.get("/crosssell/report/{name}.csv")
async def report_csv(request: Request, parts: Parts, visitor: Overseer, name: str) -> Response:
    """A table as CSV; an estimate is three columns: value, low, high."""
    asked = asked_of(request, parts)
    table = {one.name: one for one in await watch_tables(parts, asked)}.get(name)
    if table is None and name not in TABLES:
        raise HTTPException(404)
    header, rows = plain(table or await TABLES[name](parts, asked))
    days = asked.days
    await did(
        parts, visitor, "exported_report", f"crosssell:{name}", first=str(days.first), last=str(days.last)
    )
    return csv_reply(f"crosssell-{name}-{days.first}-{days.last}", header, rows)


async def _tables(parts: ConsoleParts, asked: Asked, view: str) -> list[Any]:
    if view == WATCH:
        return await watch_tables(parts, asked)
    return [await TABLES[name](parts, asked) for name in VIEWS[view]]


async def _values(request: Request, parts: ConsoleParts, visitor: Visitor, asked: Asked) -> dict[str, Any]:
    language = language_of(request, visitor)
    products = {one.offered.product: one.names for one in await parts.database.offered.all()}

    def product(code: str) -> str:
        names = products.get(code, {})
        return names.get(language) or names.get("en") or code

    found = await reckoned(parts, asked)
    return {
        "asked": asked,
        "days": asked.days,
        "windows": WINDOWS,
        "views": _EVERY,
        "proof": found.proof,
        "people": len(found.trial),
        "product": product,
        "gate": lambda code: gate_text(code, language),
        "zone": parts.settings.zone,
    }
