"""An additive model: an intercept and tables of log-odds, one a column and a few for pairs of columns.

The log-odds of a yes are the sum of what each table holds at the row's place, so every contribution is exact.
`Additive` is what all learners make and what is blended, levelled and saved. Its tables are centred: a contribution
of 0 is the average caller's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cross_sell.bins import Bins, Places
from cross_sell.frame import Frame
from cross_sell.metrics import Floats

#: Tables whose values all lie within this of 0 (in log-odds) are left out: nobody is ranked by them.
_NOTHING = 1e-4
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Additive:
    """Tables over the places of `bins`: `mains` by column, `pairs` by two columns (rows: the first's places)."""

    bins: tuple[Bins, ...]
    intercept: float
    mains: Mapping[int, Floats] = field(default_factory=dict)
    pairs: Mapping[Pair, Floats] = field(default_factory=dict)

    def log_odds(self, places: Sequence[Places], rows: int | None = None) -> Floats:
        """The log-odds of every row, by its places in each column; `rows` is needed where there is no column."""
        total = np.full(len(places[0]) if rows is None else rows, self.intercept)
        for column, table in self.mains.items():
            total += table[places[column]]
        for (first, second), grid in self.pairs.items():
            total += grid[places[first], places[second]]
        return total

    def places(self, frame: Frame) -> list[Places]:
        """The places of a frame's rows in every column that a table needs; empty for the others."""
        used = self.used()
        return [
            one.places(frame) if index in used else np.zeros(frame.rows, np.intp)
            for index, one in enumerate(self.bins)
        ]

    def used(self) -> set[int]:
        """The columns that any table needs."""
        return set(self.mains) | {column for pair in self.pairs for column in pair}

    def scaled(self, slope: float, shift: float) -> Additive:
        """The model whose log-odds are slope × these + shift."""
        return Additive(
            self.bins,
            slope * self.intercept + shift,
            {column: slope * table for column, table in self.mains.items()},
            {pair: slope * grid for pair, grid in self.pairs.items()},
        )

    def plus(self, other: Additive) -> Additive:
        """The model whose log-odds are the sum of both; they share their bins."""
        mains, pairs = dict(self.mains), dict(self.pairs)
        for column, table in other.mains.items():
            mains[column] = mains[column] + table if column in mains else table
        for pair, grid in other.pairs.items():
            pairs[pair] = pairs[pair] + grid if pair in pairs else grid
        return Additive(self.bins, self.intercept + other.intercept, mains, pairs)

    def centred(self, places: Sequence[Places]) -> Additive:
        """The same model with each table's mean over these rows moved to the intercept, empty tables dropped."""
        intercept, mains, pairs = self.intercept, {}, {}
        for column, table in self.mains.items():
            mean = float(table[places[column]].mean())
            intercept += mean
            if np.abs(table - mean).max(initial=0.0) > _NOTHING:
                mains[column] = table - mean
        for pair, grid in self.pairs.items():
            mean = float(grid[places[pair[0]], places[pair[1]]].mean())
            intercept += mean
            if np.abs(grid - mean).max(initial=0.0) > _NOTHING:
                pairs[pair] = grid - mean
        return Additive(self.bins, intercept, mains, pairs)

    def split(self, column: int, bins: Bins, at: int, like: int) -> Additive:
        """The same model over bins with one more place: it stands at `at`, and holds what `like` held."""
        every = (*self.bins[:column], bins, *self.bins[column + 1 :])
        mains = {
            one: _split(table, at, like, 0) if one == column else table for one, table in self.mains.items()
        }
        pairs = dict(self.pairs)
        for pair in self.pairs:
            for axis in (0, 1):
                if pair[axis] == column:
                    pairs[pair] = _split(pairs[pair], at, like, axis)
        return Additive(every, self.intercept, mains, pairs)

    def as_dict(self) -> dict[str, Any]:
        """The model as plain data: only what tables need, neighbouring bins of equal value as one."""
        used = sorted(self.used())
        return {
            "intercept": round(self.intercept, 6),
            "columns": [self.bins[column].as_dict() for column in used],
            "mains": [[used.index(column), _packed(table)] for column, table in self.mains.items()],
            "pairs": [
                [used.index(first), used.index(second), *_packed_grid(grid)]
                for (first, second), grid in self.pairs.items()
            ],
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Additive:
        """The model that `as_dict` has written."""
        bins = tuple(Bins.from_dict(one) for one in plain["columns"])
        mains = {int(column): _unpacked(table) for column, table in plain["mains"]}
        pairs = {
            (int(first), int(second)): _unpacked_grid(down, across, values)
            for first, second, down, across, values in plain["pairs"]
        }
        model = cls(bins, float(plain["intercept"]), mains, pairs)
        model._check()
        return model

    def _check(self) -> None:
        for column, table in self.mains.items():
            if len(table) != self.bins[column].size:
                raise ValueError(f"the table of {self.bins[column].name!r} does not fit its bins")
        for (first, second), grid in self.pairs.items():
            if grid.shape != (self.bins[first].size, self.bins[second].size):
                raise ValueError(
                    f"the table of {self.bins[first].name!r} and {self.bins[second].name!r} does not fit"
                )


def _split(values: Floats, at: int, like: int, axis: int) -> Floats:
    return np.insert(values, at, values.take(like, axis=axis), axis=axis)


def _packed(table: Floats) -> list[float]:
    return [round(float(value), 5) for value in table]


def _unpacked(table: Sequence[float]) -> Floats:
    return np.asarray(table, np.float64)


def _packed_grid(grid: Floats) -> tuple[list[int], list[int], list[list[float]]]:
    """Lengths of runs of equal rows and of equal columns, and one row and column of each run."""
    rounded = np.round(grid, 5)
    down, across = _runs(rounded), _runs(rounded.T)
    kept = rounded[np.ix_(_starts(down), _starts(across))]
    return down, across, [[float(value) for value in row] for row in kept]


def _unpacked_grid(down: Sequence[int], across: Sequence[int], values: Sequence[Sequence[float]]) -> Floats:
    grid = np.asarray(values, np.float64)
    return np.repeat(np.repeat(grid, down, axis=0), across, axis=1)


def _runs(grid: Floats) -> list[int]:
    starts = np.flatnonzero(np.r_[True, np.any(grid[1:] != grid[:-1], axis=1)])
    return [int(length) for length in np.diff(np.r_[starts, len(grid)])]


def _starts(runs: Sequence[int]) -> NDArray[np.intp]:
    return np.asarray(np.cumsum([0, *runs[:-1]]), np.intp)
