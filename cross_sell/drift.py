"""Is the model still of this world? How callers have shifted, whether chances still come true, where the intercept goes.

    report = drift_of(model, frame)                       # callers alone: PSI a column
    report = drift_of(model, frame, labels=outcomes)      # and calibration
    chart = intercept_chart([(day, model.intercept), …])

PSI below 0.1 is steady, from 0.25 a shift that calls for a new fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import ArrayLike

from cross_sell.frame import read_frame
from cross_sell.metrics import CalibrationBin, auc, calibration_error, calibration_table, psi
from cross_sell.model import Model

STEADY = 0.1
SHIFTED = 0.25
#: Fewer callers than this say nothing of a shift.
FEWEST = 50
_GROUPS = 10


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """How far one column has shifted since the fit, in PSI; `missing` is the share of rows without it now."""

    column: str
    psi: float
    missing: float

    @property
    def shifted(self) -> bool:
        """Whether that calls for a new fit."""
        return self.psi >= SHIFTED


@dataclass(frozen=True, slots=True)
class Drift:
    """Columns by shift, the largest first; where outcomes are known, how true chances have come."""

    rows: int
    columns: tuple[ColumnDrift, ...]
    predicted: float
    observed: float | None = None
    calibration_error: float | None = None
    auc: float | None = None
    calibration: tuple[CalibrationBin, ...] = ()

    @property
    def shifted(self) -> tuple[str, ...]:
        """Columns that call for a new fit."""
        return tuple(one.column for one in self.columns if one.shifted)


def drift_of(model: Model, frame: object, labels: ArrayLike | None = None) -> Drift:
    """Compare a frame of recent callers with the rows of the fit, and their outcomes with what was said.

    With fewer than 50 rows no column counts as shifted (its PSI is 0): so few differ by chance alone.
    """
    table = read_frame(frame)
    columns = []
    for bins in model.tables.bins:
        before = model.spread.get(bins.name)
        places = bins.places(table)
        if before is None or len(before) != bins.size:
            continue
        found = _psi(
            np.asarray(before, float), np.bincount(places, minlength=bins.size).astype(float), bins.ordered
        )
        missing = float(np.mean(places == 0)) if table.rows else 0.0
        columns.append(ColumnDrift(bins.name, found if table.rows >= FEWEST else 0.0, missing))
    columns.sort(key=lambda one: -one.psi)
    chances = model.score_many(table)
    said = float(chances.mean()) if table.rows else 0.0
    if labels is None or not table.rows:
        return Drift(table.rows, tuple(columns), said)
    truth = np.asarray(labels, float)
    return Drift(
        table.rows,
        tuple(columns),
        said,
        observed=float(truth.mean()),
        calibration_error=calibration_error(truth, chances),
        auc=auc(truth, chances),
        calibration=tuple(calibration_table(truth, chances)),
    )


def _psi(before: np.ndarray, after: np.ndarray, ordered: bool) -> float:
    """PSI over about ten merged places: fine pieces of few rows differ by chance."""
    if after.sum() == 0 or before.sum() == 0:
        return 0.0
    group = np.zeros(len(before), int)
    if ordered:
        inner = np.cumsum(before[1:]) - before[1:] / 2
        group[1:] = 1 + np.floor(inner / max(before[1:].sum(), 1.0) * _GROUPS).clip(0, _GROUPS - 1)
    else:
        often = np.argsort(-before[1:], kind="stable")
        group[1:][often] = 1 + np.minimum(np.arange(len(often)), 2 * _GROUPS)
    first, last = np.bincount(group, before), np.bincount(group, after)
    seen = first + last > 0
    return psi(first[seen], last[seen])


@dataclass(frozen=True, slots=True)
class InterceptPoint:
    """A day of the chart: the intercept, its mean and limits by then, and whether it lies outside of them."""

    day: date
    intercept: float
    centre: float
    lower: float
    upper: float

    @property
    def outside(self) -> bool:
        """Whether something has changed that is more than the usual day's."""
        return not self.lower <= self.intercept <= self.upper


def intercept_chart(days: Iterable[tuple[date, float]], *, first: int = 10) -> Sequence[InterceptPoint]:
    """A control chart of each day's intercept (individuals, moving range): limits are 2.66 mean ranges off.

    (Shewhart's chart of individuals: 3 / 1.128 = 2.66.) The limits are set by the first days, `first` of them, so that a
    slow drift cannot carry its own limits along.
    """
    series = sorted(days)
    values = np.asarray([value for _, value in series], float)
    learnt = values[:first]
    centre = float(learnt.mean()) if len(learnt) else 0.0
    spread = 2.66 * float(np.abs(np.diff(learnt)).mean()) if len(learnt) > 1 else float("inf")
    return [
        InterceptPoint(day, float(value), centre, centre - spread, centre + spread) for day, value in series
    ]
