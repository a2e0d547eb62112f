"""Scorecards, in numpy alone: weights of evidence over merged bins under an L2 logistic regression.

Two of a kind: `fit_scorecard` follows whatever shape the evidence has, each column shrunk the more the less
evidence it holds; `fit_trend` lets each ordered column only rise or fall steadily, which is wrong for some
shapes but little misled where yes is rare. Both are tables over the same bins, so they can be blended.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cross_sell.bins import Bins, Places
from cross_sell.logistic import fit_logistic
from cross_sell.metrics import Floats
from cross_sell.tables import Additive

#: Rows of average rate that are added to every bin before its evidence is weighed.
_SMOOTHING = 10.0


def fit_scorecard(
    bins: Sequence[Bins],
    places: Sequence[Places],
    labels: Floats,
    *,
    penalty: float = 10.0,
    least: int = 30,
    directions: Sequence[int] | None = None,
    weights: Floats | None = None,
) -> Additive:
    """Tables of weights of evidence, each times its coefficient; `least` is the fewest rows of a merged bin."""
    directions = directions or [0] * len(bins)
    weights = np.ones(len(labels)) if weights is None else weights
    evidence = [
        _evidence(one, where, labels, weights, least, sign)
        for one, where, sign in zip(bins, places, directions, strict=True)
    ]
    # Evidence already rises where yes is likelier: a coefficient below 0 would turn it round.
    signs = [abs(sign) for sign in directions]
    return _regressed(bins, places, labels, evidence, penalty, weights, signs)


def fit_trend(
    bins: Sequence[Bins],
    places: Sequence[Places],
    labels: Floats,
    *,
    penalty: float = 200.0,
    directions: Sequence[int] | None = None,
    weights: Floats | None = None,
) -> Additive:
    """Tables that are straight over an ordered column's pieces (by value), weights of evidence over levels."""
    weights = np.ones(len(labels)) if weights is None else weights
    tables = []
    for one, where in zip(bins, places, strict=True):
        table = _line(one, where) if one.ordered else _evidence(one, where, labels, weights, 30, 0)
        spread = float(table[where].std())
        tables.append((table - float(table[where].mean())) / spread if spread > 1e-9 else np.zeros(one.size))
    return _regressed(bins, places, labels, tables, penalty, weights, directions or [0] * len(bins))


def _regressed(
    bins: Sequence[Bins],
    places: Sequence[Places],
    labels: Floats,
    tables: Sequence[Floats],
    penalty: float,
    weights: Floats,
    signs: Sequence[int],
) -> Additive:
    """Logistic regression on the tables; one whose coefficient goes against its sign is left out."""
    used = [
        index for index, table in enumerate(tables) if len(labels) and np.ptp(table[places[index]]) > 1e-9
    ]
    if not used:
        return Additive(
            tuple(bins), fit_logistic(np.zeros((len(labels), 0)), labels, 1.0, weights=weights)[0]
        )
    design = np.column_stack([tables[index][places[index]] for index in used])
    middle = design.mean(axis=0)
    intercept, slopes = fit_logistic(design - middle, labels, penalty, weights=weights)
    if any(signs[index] * slope < 0 for index, slope in zip(used, slopes, strict=True)):
        against = {index for index, slope in zip(used, slopes, strict=True) if signs[index] * slope < 0}
        left = [np.zeros_like(table) if index in against else table for index, table in enumerate(tables)]
        return _regressed(bins, places, labels, left, penalty, weights, signs)
    mains = {index: slope * tables[index] for index, slope in zip(used, slopes, strict=True)}
    return Additive(tuple(bins), intercept - float(middle @ slopes), mains)


def _evidence(
    bins: Bins, where: Places, labels: Floats, weights: Floats, least: int, direction: int
) -> Floats:
    """The weight of evidence of every place: log-odds of its rate above the average's, smoothed."""
    counts: Floats = np.bincount(where, weights, bins.size).astype(np.float64)
    yes = np.bincount(where, weights * labels, bins.size)
    rate = (yes.sum() + 0.5) / (counts.sum() + 1.0)
    groups = _merged(counts, least) if bins.ordered else np.arange(bins.size)
    many: Floats = np.bincount(groups, counts).astype(np.float64)
    much: Floats = np.bincount(groups, yes).astype(np.float64)
    chance = (much + _SMOOTHING * rate) / (many + _SMOOTHING)
    if direction and bins.ordered:
        chance = _isotonic(chance, many + 1e-9, direction)
    evidence = np.log(chance / (1 - chance)) - np.log(rate / (1 - rate))
    return np.asarray(evidence[groups], np.float64)


def _merged(counts: Floats, least: int) -> Places:
    """Neighbouring places (not the missing) as one until each group has so many rows."""
    groups, group, rows = np.zeros(len(counts), np.intp), 1, 0.0
    for place in range(1, len(counts)):
        groups[place] = group
        rows += counts[place]
        if rows >= least:
            group, rows = group + 1, 0.0
    if rows < least and group > 1:
        groups[groups == group] = group - 1
    return groups


def _isotonic(values: Floats, counts: Floats, direction: int) -> Floats:
    """The nearest values that only rise (or fall), the first place (missing) left as it is."""
    blocks: list[list[float]] = []
    for value, count in zip(direction * values[1:], counts[1:], strict=True):
        blocks.append([float(value), float(count), 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            value, count, places = blocks.pop()
            before = blocks[-1]
            before[0] = (before[0] * before[1] + value * count) / (before[1] + count)
            before[1], before[2] = before[1] + count, before[2] + places
    fitted = [block[0] for block in blocks for _ in range(int(block[2]))]
    return np.asarray(np.r_[values[:1], direction * np.asarray(fitted)], np.float64)


def _line(bins: Bins, where: Places) -> Floats:
    """A number for every place: the middle of its piece; the missing are average."""
    edges = np.asarray(bins.edges)
    if not len(edges):
        return np.zeros(bins.size)
    middles = np.r_[edges[0] - _step(edges, 0), (edges[1:] + edges[:-1]) / 2, edges[-1] + _step(edges, -1)]
    counts = np.bincount(where, minlength=bins.size)[1:]
    average = float(np.average(middles, weights=counts)) if counts.sum() else float(middles.mean())
    return np.asarray(np.r_[average, middles], np.float64)


def _step(edges: Floats, end: int) -> float:
    return float(np.diff(edges)[end]) / 2 if len(edges) > 1 else 0.5
