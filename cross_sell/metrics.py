"""Figures by which a scorer is judged; all take labels (yes is true) and probabilities, one a row.

AUC is the rank sum, ties counting half. Calibration error is the expected one: the mean distance of probability
and rate over bins of equal count, weighted by their rows. PSI is the population stability index (below 0.1 is
steady, above 0.25 a shift). `paired_z` compares two scorers on the same rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_TINY = 1e-12
Floats = NDArray[np.float64]


def auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """The chance that a yes is ranked above a no, ties counting half; NaN if there is but one kind."""
    truth, values = _pair(labels, scores)
    positives = truth.sum()
    negatives = len(truth) - positives
    if positives == 0 or negatives == 0:
        return math.nan
    ranks = _mean_ranks(values)
    return float((ranks[truth > 0].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def log_loss(labels: ArrayLike, probabilities: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean negative log-likelihood in nats."""
    return float(
        np.average(
            log_losses(labels, probabilities), weights=None if weights is None else np.asarray(weights)
        )
    )


def log_losses(labels: ArrayLike, probabilities: ArrayLike) -> Floats:
    """The negative log-likelihood of each row, in nats."""
    truth, values = _pair(labels, probabilities)
    values = np.clip(values, _TINY, 1 - _TINY)
    return np.asarray(-(truth * np.log(values) + (1 - truth) * np.log1p(-values)), np.float64)


def brier(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Mean squared distance of probability and outcome."""
    truth, values = _pair(labels, probabilities)
    return float(np.mean((values - truth) ** 2))


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Rows of like probability: how many, what was said on average, and what came true."""

    rows: int
    predicted: float
    observed: float


def calibration_table(
    labels: ArrayLike, probabilities: ArrayLike, bins: int = 10, *, equal: str = "count"
) -> list[CalibrationBin]:
    """Bins of equal `count` or of equal `width` of probability; empty ones are left out."""
    truth, values = _pair(labels, probabilities)
    if len(values) == 0:
        return []
    if equal == "width":
        which = np.minimum((values * bins).astype(int), bins - 1)
    else:
        order = np.argsort(values, kind="stable")
        which = np.empty(len(values), int)
        which[order] = np.arange(len(values)) * bins // len(values)
    table = []
    for one in np.unique(which):
        inside = which == one
        table.append(
            CalibrationBin(int(inside.sum()), float(values[inside].mean()), float(truth[inside].mean()))
        )
    return table


def calibration_error(
    labels: ArrayLike, probabilities: ArrayLike, bins: int = 10, *, equal: str = "count"
) -> float:
    """Expected calibration error: mean |predicted - observed| over the bins, weighted by rows."""
    table = calibration_table(labels, probabilities, bins, equal=equal)
    rows = sum(one.rows for one in table)
    return sum(one.rows * abs(one.predicted - one.observed) for one in table) / rows if rows else math.nan


def expected_hits(labels: ArrayLike, scores: ArrayLike, take: int) -> float:
    """How many yes are expected among the `take` best-ranked rows; rows of equal score share their places."""
    truth, values = _pair(labels, scores)
    if take >= len(values):
        return float(truth.sum())
    if take <= 0:
        return 0.0
    edge = -np.partition(-values, take - 1)[take - 1]
    above = values > edge
    tied = values == edge
    places = take - int(above.sum())
    return float(truth[above].sum() + truth[tied].sum() * places / int(tied.sum()))


def top_hits(labels: ArrayLike, scores: ArrayLike, share: float = 0.2) -> float:
    """The part of all yes expected among the best-ranked `share` of the rows; NaN without a yes."""
    truth, values = _pair(labels, scores)
    total = float(truth.sum())
    return expected_hits(truth, values, round(share * len(values))) / total if total else math.nan


def psi(expected: ArrayLike, actual: ArrayLike) -> float:
    """Population stability index of two lists of counts (or shares) over the same bins, in nats."""
    before, after = np.asarray(expected, float), np.asarray(actual, float)
    if before.shape != after.shape:
        raise ValueError("both lists must have the same bins")
    if before.sum() <= 0 or after.sum() <= 0:
        return math.nan
    before, after = _shares(before), _shares(after)
    return float(((after - before) * np.log(after / before)).sum())


def psi_of_values(expected: ArrayLike, actual: ArrayLike, bins: int = 10) -> float:
    """PSI of two samples of numbers, over the first one's bins of equal count; missing is a bin of its own."""
    before, after = np.asarray(expected, float), np.asarray(actual, float)
    known = before[np.isfinite(before)]
    edges = np.unique(np.quantile(known, np.arange(1, bins) / bins)) if len(known) else np.empty(0)
    return psi(_counts(before, edges), _counts(after, edges))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Of two scorers on the same rows: mean gain of the second (positive is better), z and two-sided p."""

    gain: float
    z: float
    p: float


def paired_z(losses: ArrayLike, challenger: ArrayLike) -> Comparison:
    """Compare two lists of per-row losses by the z-test of their mean difference."""
    gains = np.asarray(losses, float) - np.asarray(challenger, float)
    spread = float(gains.std(ddof=1)) if len(gains) > 1 else 0.0
    gain = float(gains.mean()) if len(gains) else 0.0
    z = gain / (spread / math.sqrt(len(gains))) if spread > 0 else 0.0
    return Comparison(gain, z, math.erfc(abs(z) / math.sqrt(2)))


def corrected_t(gains: Sequence[float], test_share: float) -> Comparison:
    """Of gains over repeated re-splits (Nadeau and Bengio 2003): training sets overlap, so the spread is widened.

    `test_share` is the part of the rows that each split tests on; p is by the normal approximation.
    """
    values = np.asarray(gains, float)
    if len(values) < 2:
        return Comparison(float(values.mean()) if len(values) else 0.0, 0.0, 1.0)
    variance = float(values.var(ddof=1)) * (1 / len(values) + test_share / (1 - test_share))
    z = float(values.mean()) / math.sqrt(variance) if variance > 0 else 0.0
    return Comparison(float(values.mean()), z, math.erfc(abs(z) / math.sqrt(2)))


def _pair(labels: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    truth, values = np.asarray(labels, np.float64), np.asarray(scores, np.float64)
    if truth.shape != values.shape:
        raise ValueError(f"{len(truth)} labels, {len(values)} scores: give one of each a row")
    return truth, values


def _mean_ranks(values: Floats) -> Floats:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[inverse], np.float64)


def _shares(counts: Floats) -> Floats:
    # Half a row in every bin, so that an empty one is a large shift and not an infinite one.
    filled = counts + (0.5 if counts.sum() > 1.5 else 1e-4)
    return np.asarray(filled / filled.sum(), np.float64)


def _counts(values: Floats, edges: Floats) -> NDArray[np.int64]:
    missing = ~np.isfinite(values)
    where = np.where(
        missing, len(edges) + 1, np.searchsorted(edges, np.where(missing, 0, values), side="left")
    )
    return np.bincount(where, minlength=len(edges) + 2)
