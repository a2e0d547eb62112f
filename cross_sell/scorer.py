"""Scoring one row within a call: an additive model compiled into look-ups; to score it needs the standard library alone.

What is in the row is never an error: a column that is missing counts as missing, a level never seen as rare.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import exp
from operator import getitem, itemgetter
from typing import Any

import numpy as np

from cross_sell.bins import MOST_PIECES, Bins
from cross_sell.metrics import Floats
from cross_sell.tables import Additive

Place = Callable[[object], int]
_LOOK_UP: Callable[[Any, Any], Any] = getitem
#: Values of one column whose places are remembered.
MOST_SEEN = 4096


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one table adds to a row's log-odds; two columns where it is a pair's."""

    columns: tuple[str, ...]
    effect: float


@dataclass(frozen=True, slots=True)
class _Side:
    """One column as it is looked up: values known as they stand, the rest read and placed; places of `kinds` may be
    remembered, for no two of these that are equal have different places."""

    name: str
    key: object
    known: Mapping[object, int]
    place: Place
    kinds: tuple[type, ...] = ()


class Scorer:
    """Scores mappings of column to value; `log_odds` is the fast way, `contributions` tells what made it up."""

    def __init__(self, model: Additive) -> None:
        sides = {column: _side(model.bins[column]) for column in sorted(model.used())}
        paired = {column for pair in model.pairs for column in pair}
        self._intercept = model.intercept
        self._mains = [(sides[column], table.tolist()) for column, table in model.mains.items()]
        self._direct: list[tuple[_Side, dict[object, float], list[float]]] = []
        for column, table in model.mains.items():
            side, values = sides[column], table.tolist()
            if side.known and column not in paired:
                by_value = {value: values[place] for value, place in side.known.items()}
                self._direct.append((side, by_value, values))
        told = {side.name for side, _, _ in self._direct}
        placed = [column for column, side in sides.items() if side.name not in told]
        at = {column: index for index, column in enumerate(placed)}
        self._placed = [sides[column] for column in placed]
        self._seen: list[dict[object, int]] = [{None: 0, **side.known} for side in self._placed]
        self._effects: list[list[float]] = [
            model.mains[column].tolist() if column in model.mains else [0.0] * model.bins[column].size
            for column in placed
        ]
        self._grids = [(at[a], at[b], *_coarse(grid)) for (a, b), grid in model.pairs.items()]
        self._tables = [by_value for _, by_value, _ in self._direct]
        self._pick = _picker([side.key for side, _, _ in self._direct])
        self._pick_placed = _picker([side.key for side in self._placed])

    def log_odds(self, row: Mapping[object, object]) -> float:
        """The log-odds of a yes."""
        # Where every value is one that is known as it stands, the loops are the interpreter's own.
        try:
            total = self._intercept + float(sum(map(_LOOK_UP, self._tables, self._pick(row))))
        except (KeyError, TypeError):
            total = self._intercept + sum([self._read(term, row) for term in self._direct])
        try:
            places = list(map(_LOOK_UP, self._seen, self._pick_placed(row)))
        except (KeyError, TypeError):
            places = [self._find(index, row) for index in range(len(self._placed))]
        total += float(sum(map(_LOOK_UP, self._effects, places)))
        for left, right, rows, columns, cells in self._grids:
            total += cells[rows[places[left]] + columns[places[right]]]
        return total

    def _find(self, index: int, row: Mapping[object, object]) -> int:
        """The place of a row's value, which is remembered: most values come again."""
        side, seen = self._placed[index], self._seen[index]
        value = row.get(side.key)
        try:
            return seen[value]
        except (KeyError, TypeError):
            place = side.place(value)
        if type(value) in side.kinds and value == value and len(seen) < MOST_SEEN:
            seen[value] = place
        return place

    @staticmethod
    def _read(term: tuple[_Side, dict[object, float], list[float]], row: Mapping[object, object]) -> float:
        side, by_value, values = term
        value = row.get(side.key)
        try:
            return by_value[value]
        except (KeyError, TypeError):
            return values[side.place(value)]

    def contributions(self, row: Mapping[object, object]) -> list[Contribution]:
        """What each table adds, the strongest first; with the intercept they sum to the log-odds."""
        found = [
            Contribution((side.name,), values[side.place(row.get(side.key))]) for side, values in self._mains
        ]
        for left, right, rows, columns, cells in self._grids:
            effect = cells[rows[self._find(left, row)] + columns[self._find(right, row)]]
            found.append(Contribution((self._placed[left].name, self._placed[right].name), effect))
        return sorted(found, key=lambda one: -abs(one.effect))


def probability_of(log_odds: float) -> float:
    """The probability of these log-odds."""
    if log_odds >= 0:
        return 1.0 / (1.0 + exp(-min(log_odds, 700.0)))
    grown = exp(max(log_odds, -700.0))
    return grown / (1.0 + grown)


def _coarse(grid: Floats) -> tuple[list[int], list[int], list[float]]:
    """A grid without its equal rows and columns (a processor's cache holds no large ones): where each row begins, where
    each column stands in it, and the cells."""
    rows, row_of = np.unique(grid, axis=0, return_inverse=True)
    cells, column_of = np.unique(rows, axis=1, return_inverse=True)
    height, width = cells.shape
    starts, steps = [row * width for row in range(height)], list(range(width))
    return [starts[row] for row in row_of], [steps[column] for column in column_of], cells.ravel().tolist()


def _picker(keys: Sequence[object]) -> Callable[[Any], tuple[Any, ...]]:
    """Takes the values of some columns out of a row; KeyError where it lacks one."""
    if len(keys) > 1:
        return itemgetter(*keys)
    return lambda row: tuple(row[key] for key in keys)


def _side(bins: Bins) -> _Side:
    """Direct look-ups where every value has a bin of its own; a number with many pieces is cut instead."""
    if not bins.ordered:
        return _Side(bins.name, bins.key, bins.known(()), bins.place, (str,))
    values = _singles(bins.edges)
    known = bins.known(values) if values or bins.order else {}
    return _Side(bins.name, bins.key, known, bins.place, (float, int))


def _singles(edges: tuple[float, ...]) -> list[float]:
    """Whole numbers around the edges, where the bins are of single whole numbers; else none."""
    if not edges or len(edges) >= MOST_PIECES - 1 or any((2 * edge) != int(2 * edge) for edge in edges):
        return []
    low, high = int(edges[0]) - 1, int(edges[-1]) + 1
    if high - low > 4 * MOST_PIECES:
        return []
    return [float(value) for value in range(low, high + 1)]
