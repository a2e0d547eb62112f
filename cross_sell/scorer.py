"""Scoring one row within a call: an additive model compiled into look-ups, in the standard library alone.

What is in the row is never an error: a column that is missing counts as missing, a level never seen as rare.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import exp
from operator import getitem, itemgetter
from typing import Any

from cross_sell.bins import MOST_PIECES, Bins
from cross_sell.tables import Additive

Place = Callable[[object], int]
_LOOK_UP: Callable[[Any, Any], Any] = getitem


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one table adds to a row's log-odds; two columns where it is a pair's."""

    columns: tuple[str, ...]
    effect: float


@dataclass(frozen=True, slots=True)
class _Side:
    """One column as it is looked up: values known as they stand, plain numbers by `edges`, the rest read and placed."""

    name: str
    key: object
    known: Mapping[object, int]
    edges: tuple[float, ...]
    place: Place


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
        nothing = {column: [0.0] * model.bins[column].size for column in placed if column not in model.mains}
        tables = {
            column: model.mains[column].tolist() for column in placed if column in model.mains
        } | nothing
        self._placed = [(sides[c], sides[c].key, sides[c].edges, tables[c]) for c in placed]
        at = {column: index for index, column in enumerate(placed)}
        self._pairs = [
            (sides[first], sides[second], grid.tolist(), at[first], at[second])
            for (first, second), grid in model.pairs.items()
        ]
        self._grids = [(left, right, grid) for _, _, grid, left, right in self._pairs]
        self._tables = [by_value for _, by_value, _ in self._direct]
        keys = [side.key for side, _, _ in self._direct]
        self._pick: Callable[[Any], tuple[Any, ...]] = itemgetter(*keys) if len(keys) > 1 else _all_of(keys)

    def log_odds(self, row: Mapping[object, object]) -> float:
        """The log-odds of a yes."""
        try:
            # Where every value is one that is known as it stands, the loop is the interpreter's own.
            total = self._intercept + float(sum(map(_LOOK_UP, self._tables, self._pick(row))))
        except (KeyError, TypeError):
            total = self._intercept + sum([self._read(term, row) for term in self._direct])
        get: Callable[[object], Any] = row.get
        places: list[int] = []
        for side, key, edges, values in self._placed:
            value = get(key)
            kind = type(value)
            if edges and (kind is float or kind is int) and value - value == 0:
                place = bisect_right(edges, value) + 1
            elif value is None:
                place = 0
            else:
                place = _place(side, value)
            places.append(place)
            total += values[place]
        for left, right, grid in self._grids:
            total += grid[places[left]][places[right]]
        return total

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
        for left, right, grid, _, _ in self._pairs:
            effect = grid[_place(left, row.get(left.key))][_place(right, row.get(right.key))]
            found.append(Contribution((left.name, right.name), effect))
        return sorted(found, key=lambda one: -abs(one.effect))


def probability_of(log_odds: float) -> float:
    """The probability of these log-odds."""
    if log_odds >= 0:
        return 1.0 / (1.0 + exp(-min(log_odds, 700.0)))
    grown = exp(max(log_odds, -700.0))
    return grown / (1.0 + grown)


def _all_of(keys: Sequence[object]) -> Callable[[Any], tuple[Any, ...]]:
    """`itemgetter` for one key or none, which it gives without a tuple or not at all."""
    return lambda row: tuple(row[key] for key in keys)


def _side(bins: Bins) -> _Side:
    """Direct look-ups where every value has a bin of its own; a number with many pieces is cut instead."""
    if not bins.ordered:
        return _Side(bins.name, bins.key, bins.known(()), (), bins.place)
    values = _singles(bins.edges)
    known = bins.known(values) if values or bins.order else {}
    edges = () if bins.order or bins.missing else bins.edges
    return _Side(bins.name, bins.key, known, edges, bins.place)


def _singles(edges: tuple[float, ...]) -> list[float]:
    """Whole numbers around the edges, where the bins are of single whole numbers; else none."""
    if not edges or len(edges) >= MOST_PIECES - 1 or any((2 * edge) != int(2 * edge) for edge in edges):
        return []
    low, high = int(edges[0]) - 1, int(edges[-1]) + 1
    if high - low > 4 * MOST_PIECES:
        return []
    return [float(value) for value in range(low, high + 1)]


def _place(side: _Side, value: object) -> int:
    try:
        return side.known[value]
    except (KeyError, TypeError):
        return side.place(value)
