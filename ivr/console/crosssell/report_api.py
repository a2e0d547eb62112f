"""The proof report as JSON, which its charts read too."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from ivr.console.access import Overseer
from ivr.console.crosssell.reading import asked_of, reckoned
from ivr.console.crosssell.tables import TABLES, plain
from ivr.console.crosssell.watching import InterceptOut, intercepts
from ivr.console.listing import Since, Until
from ivr.console.parts import Parts

router = APIRouter()
View = StrEnum("View", {name: name for name in TABLES})  # type: ignore[misc]
Window = Annotated[str, Query(max_length=3)]


class ProofTableOut(BaseModel):
    """A table over people who became eligible on whole days; an estimate is three columns: value, low, high."""

    name: str
    first: date
    last: date
    window: int
    columns: list[str]
    rows: list[list[str | int | float | None]]


class CourseOut(BaseModel):
    """The uplift of an outcome after each day: people so far, estimate, ends valid at every look and at one alone."""

    outcome: str
    days: list[date]
    people: list[int]
    estimate: list[float | None]
    low: list[float | None]
    high: list[float | None]
    fixed_low: list[float | None]
    fixed_high: list[float | None]


class Outcome(StrEnum):
    """What is counted."""

    SALES = "sales"
    PREMIUM = "premium"
    MARGIN = "margin"


@router.get("/crosssell/report/course")
async def course(
    request: Request,
    parts: Parts,
    visitor: Overseer,
    outcome: Outcome = Outcome.SALES,
    since: Since = "",
    until: Until = "",
    window: Window = "",
) -> CourseOut:
    """How the uplift came to be known, day after day."""
    proof = (await reckoned(parts, asked_of(request, parts))).proof
    sequence = proof.uplift(outcome.value).sequence
    last = {day: index for index, day in enumerate(proof.days)}
    at = list(last.values())
    return CourseOut(
        outcome=outcome.value,
        days=list(last),
        people=[index + 1 for index in at],
        estimate=_numbers(sequence.estimate, at),
        low=_numbers(sequence.low, at),
        high=_numbers(sequence.high, at),
        fixed_low=_numbers(sequence.fixed_low, at),
        fixed_high=_numbers(sequence.fixed_high, at),
    )


@router.get("/crosssell/report/intercepts")
async def intercept_course(parts: Parts, visitor: Overseer) -> list[InterceptOut]:
    """The intercept of each product's model over time, with its limits."""
    return intercepts(parts)


@router.get("/crosssell/report/{view}")
async def table(
    request: Request,
    parts: Parts,
    visitor: Overseer,
    view: View,
    since: Since = "",
    until: Until = "",
    window: Window = "",
) -> ProofTableOut:
    """One table. `from` and `to` are days, `window` is 30, 60 or 90."""
    asked = asked_of(request, parts)
    found = await TABLES[view.value](parts, asked)
    header, rows = plain(found)
    return ProofTableOut(
        name=found.name,
        first=asked.days.first,
        last=asked.days.last,
        window=asked.window,
        columns=header,
        rows=rows,
    )


def _numbers(values: Any, at: list[int]) -> list[float | None]:
    return [None if np.isnan(values[index]) else round(float(values[index]), 6) for index in at]
