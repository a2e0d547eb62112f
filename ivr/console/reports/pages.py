"""The reports' pages: one table at a time, all of them to print, CSV, and what each measure means."""

from __future__ import annotations

import asyncio
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from ivr.console.access import Manager, Visitor
from ivr.console.audit import did
from ivr.console.board.state import names_for
from ivr.console.listing import csv_reply
from ivr.console.pages import render
from ivr.console.parts import ConsoleParts, Parts
from ivr.console.reports.conduct import CONDUCT_MEASURES
from ivr.console.reports.conduct import EVERY_TABLE as TABLES
from ivr.console.reports.period import PRESETS, Days, days_of
from ivr.console.reports.tables import LESS_IS_BETTER, MEASURES, MORE_IS_BETTER

router = APIRouter()
KINDS = {name: kind for name, kind, _ in MEASURES}


@router.get("/reports")
async def report_page(request: Request, parts: Parts, visitor: Manager, view: str = "overview") -> Response:
    """One table of the days that are asked for, with its chart."""
    if view not in TABLES:
        raise HTTPException(404)
    days = asked_days(request, parts)
    table = await TABLES[view](parts, days)
    return render(
        request,
        visitor,
        "reports/report.html",
        view=view,
        tables=[table],
        **await _values(request, parts, visitor, days),
    )


@router.get("/reports/print")
async def print_page(request: Request, parts: Parts, visitor: Manager) -> Response:
    """Every table on one page, to be printed."""
    days = asked_days(request, parts)
    tables = await asyncio.gather(*(make(parts, days) for make in TABLES.values()))
    return render(
        request, visitor, "reports/print.html", tables=tables, **await _values(request, parts, visitor, days)
    )


@router.get("/reports/definitions")
async def definitions(request: Request, visitor: Manager) -> Response:
    """What each measure means."""
    return render(request, visitor, "reports/definitions.html", measures=[*KINDS, *_MORE, *CONDUCT_MEASURES])


@router.get("/reports/{view}.csv")
async def report_csv(request: Request, parts: Parts, visitor: Manager, view: str) -> Response:
    """A table as CSV: durations in seconds, shares from 0 to 1."""
    if view not in TABLES:
        raise HTTPException(404)
    days = asked_days(request, parts)
    table = await TABLES[view](parts, days)
    await did(parts, visitor, "exported_report", f"report:{view}", first=str(days.first), last=str(days.last))
    rows = [[_cell(value) for value in row] for row in table.rows]
    return csv_reply(f"{view}-{days.first}-{days.last}", [column.name for column in table.columns], rows)


def asked_days(request: Request, parts: ConsoleParts) -> Days:
    """The days of a page's address."""
    query = request.query_params
    zone = ZoneInfo(parts.settings.zone)
    return days_of(query.get("period", ""), query.get("from", ""), query.get("to", ""), zone, parts.clock())


#: Columns that are explained beside the measures of the overview.
_MORE = (
    "abandoned", "left", "overflowed", "called_back", "missed_rings", "signed_in", "paused", "occupancy",
    "missed_a_call", "taken", "spoken", "promised", "kept", "links", "refused", "none_free",
)  # fmt: skip


async def _values(request: Request, parts: ConsoleParts, visitor: Visitor, days: Days) -> dict[str, Any]:
    return {
        "days": days,
        "presets": PRESETS,
        "views": tuple(TABLES),
        "kinds": KINDS,
        "less": LESS_IS_BETTER,
        "more": MORE_IS_BETTER,
        "names": await names_for(request, parts, visitor),
        "zone": parts.settings.zone,
        "settings": parts.settings,
    }


def _cell(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value
