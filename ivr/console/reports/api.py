"""Reports as JSON, which charts read too."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from ivr.console.access import Manager
from ivr.console.board.names import Names
from ivr.console.board.state import names_for
from ivr.console.listing import Since, Until
from ivr.console.parts import Parts
from ivr.console.reports.conduct import EVERY_TABLE as TABLES
from ivr.console.reports.pages import asked_days
from ivr.console.reports.tables import Table

router = APIRouter()
View = StrEnum("View", {name: name for name in TABLES})  # type: ignore[misc]


class ColumnOut(BaseModel):
    """A column; the values of a `span` are seconds, those of a `share` 0 to 1."""

    name: str
    kind: str


class ReportOut(BaseModel):
    """A table over whole days of the company's zone; `labels` are the rows' names in the reader's language."""

    name: str
    first: date
    last: date
    columns: list[ColumnOut]
    rows: list[list[str | int | float | None]]
    labels: list[str]


@router.get("/reports/{view}")
async def report(
    request: Request,
    parts: Parts,
    visitor: Manager,
    view: View,
    period: Annotated[str, Query(max_length=20)] = "",
    since: Since = "",
    until: Until = "",
) -> ReportOut:
    """One table. `period` is today, yesterday, week, month, this_month or last_month; else `from` and `to` are days."""
    days = asked_days(request, parts)
    table = await TABLES[view.value](parts, days)
    names = await names_for(request, parts, visitor)
    return ReportOut(
        name=table.name,
        first=days.first,
        last=days.last,
        columns=[ColumnOut(name=one.name, kind=one.kind) for one in table.columns],
        rows=[[_plain(value) for value in row] for row in table.rows],
        labels=[_label(table, row[0], names) for row in table.rows],
    )


def _label(table: Table, value: object, names: Names) -> str:
    match table.columns[0].kind:
        case "flow":
            return names.flow(str(value))
        case "queue":
            return names.queue(str(value))
        case "hour":
            return f"{value}:00"
        case _:
            return str(value)


def _plain(value: object) -> str | int | float | None:
    return value if value is None or isinstance(value, str | int | float) else str(value)
