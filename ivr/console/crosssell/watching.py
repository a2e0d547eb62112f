"""The watch on models: how far callers have moved, whether what is said comes true, and where intercepts go."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

from pydantic import BaseModel

from cross_sell.daily import Done, read_log
from cross_sell.drift import intercept_chart
from ivr.console.crosssell.reading import Asked
from ivr.console.crosssell.tables import Column, Table
from ivr.console.parts import ConsoleParts

#: The name of this part of the report.
WATCH: Final = "drift"
_LATEST: Final = 40


class InterceptOut(BaseModel):
    """A product's intercept day by day, with the limits of its chart and the days outside of them."""

    name: str
    days: list[date]
    intercepts: list[float]
    lower: float
    upper: float
    outside: list[date]


def models_folder(parts: ConsoleParts) -> Path:
    """Where the registry of models is."""
    return parts.settings.data_dir / "models" / "cross_sell"


async def watch_tables(parts: ConsoleParts, asked: Asked) -> list[Table]:
    """The latest of each product, and what was done lately."""
    log = [one for one in read_log(models_folder(parts)) if one.day <= asked.days.last]
    latest = {one.product: one for one in log if one.version}
    return [_drift(latest), _refits(log)]


def intercepts(parts: ConsoleParts) -> list[InterceptOut]:
    """Every product's chart."""
    courses: dict[str, list[tuple[date, float]]] = {}
    for one in read_log(models_folder(parts)):
        if one.intercept is not None:
            courses.setdefault(one.product, []).append((one.day, one.intercept))
    return [_chart(product, course) for product, course in sorted(courses.items())]


def _chart(product: str, course: list[tuple[date, float]]) -> InterceptOut:
    points = intercept_chart(course)
    last = points[-1]
    wide = abs(last.lower) == float("inf")
    return InterceptOut(
        name=product,
        days=[one.day for one in points],
        intercepts=[one.intercept for one in points],
        lower=min(one.intercept for one in points) if wide else last.lower,
        upper=max(one.intercept for one in points) if wide else last.upper,
        outside=[one.day for one in points if one.outside],
    )


def _drift(latest: dict[str, Done]) -> Table:
    rows = tuple(
        (
            one.product, one.version, one.psi, one.worst or "–", one.predicted, one.observed, one.calibration,
            one.intercept, one.state,
        )
        for one in latest.values()
    )  # fmt: skip
    columns = (
        Column("product", "product"), Column("version", "text"), Column("psi", "ratio"), Column("worst", "text"),
        Column("predicted", "share"), Column("observed", "share"), Column("calibration", "share"),
        Column("intercept", "ratio"), Column("mark", "mark"),
    )  # fmt: skip
    return Table("drift", columns, rows)


def _refits(log: list[Done]) -> Table:
    told = [one for one in log if one.done != "waiting"][-_LATEST:]
    rows = tuple(
        (
            one.day.isoformat(),
            one.product,
            f"done.{one.done}",
            one.outcomes,
            one.version or "–",
            one.gain,
            one.p,
        )
        for one in reversed(told)
    )
    columns = (
        Column("day", "text"), Column("product", "product"), Column("done", "key"), Column("outcomes", "number"),
        Column("version", "text"), Column("gain", "ratio"), Column("chance_p", "ratio"),
    )  # fmt: skip
    return Table("refits", columns, rows)
