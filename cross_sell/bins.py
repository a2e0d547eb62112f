"""Bins of one column: the fine pieces in which every learner sees it, and every table holds a value for each.

Place 0 is for the missing. Numbers follow in order, parted at `edges` (a value at an edge belongs above it);
levels follow by name. The last place of levels is for the rare and the never seen.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cross_sell.frame import Frame, Numbers, Raw, codes_of, numbers_of
from cross_sell.schema import Column, Kind
from cross_sell.values import flag, level, number

#: At most so many pieces of a number, and so many levels of a category, are told apart.
MOST_PIECES = 255
MOST_LEVELS = 600
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Bins:
    """Where the values of a column belong; `ordered` bins have `edges`, the others `levels`.

    `order` are an ordinal's words from the least to the most, which stand for 0, 1, 2, …; `missing` are values
    that mean “not known”.
    """

    name: str
    key: object
    ordered: bool
    edges: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()
    is_flag: bool = False
    order: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many places there are."""
        return len(self.edges) + 2 if self.ordered else len(self.levels) + 2

    def place(self, value: object) -> int:
        """The place of one value; never an error, whatever the value is."""
        if self.missing and level(value) in self.missing:
            return 0
        if self.ordered:
            known = self._ordinal(value) if self.order else number(value)
            return 0 if isnan(known) else bisect_right(self.edges, known) + 1
        name = self._name(value)
        if name is None:
            return 0
        return self.levels.index(name) + 1 if name in self.levels else self.size - 1

    def places(self, frame: Frame) -> Places:
        """The place of every row; all missing where the frame has no such column."""
        column = frame.columns.get(self.name)
        if column is None:
            return np.zeros(frame.rows, np.intp)
        if self.ordered and not self.order and not self.missing:
            known = numbers_of(column)
            return np.asarray(
                np.where(np.isnan(known), 0, np.searchsorted(self.edges, known, side="right") + 1)
            )
        return self._places_of_levels(column)

    def known(self, row_values: Sequence[float]) -> dict[object, int]:
        """The place of values as they are likely to be written, for a look-up that needs no reading."""
        if self.ordered:
            found: dict[object, int] = {value: self.place(value) for value in row_values}
            found.update((word, self.place(word)) for word in self.order)
        else:
            written: list[tuple[object, str]] = [(name, name) for name in self.levels]
            written += [(int(name), name) for name in self.levels if name.lstrip("-").isdecimal()]
            written += [(word, word) for word in _FLAG_WORDS] if self.is_flag else []
            found = {value: self.place(name) for value, name in written}
        found[None] = 0
        return found

    def as_dict(self) -> dict[str, Any]:
        """The bins as plain data."""
        plain: dict[str, Any] = {"name": self.name, "key": self.key, "ordered": self.ordered}
        plain |= {"edges": list(self.edges)} if self.ordered else {"levels": list(self.levels)}
        plain |= {"flag": True} if self.is_flag else {}
        plain |= {"order": list(self.order)} if self.order else {}
        return plain | ({"missing": list(self.missing)} if self.missing else {})

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Bins:
        """The bins that `as_dict` has written."""
        return cls(
            str(plain["name"]),
            plain.get("key", plain["name"]),
            bool(plain["ordered"]),
            tuple(float(edge) for edge in plain.get("edges", ())),
            tuple(str(name) for name in plain.get("levels", ())),
            bool(plain.get("flag")),
            tuple(plain.get("order", ())),
            tuple(plain.get("missing", ())),
        )

    def _name(self, value: object) -> str | None:
        if self.is_flag:
            answer = flag(value)
            return level(value) if answer is None else "1" if answer else "0"
        return level(value)

    def _ordinal(self, value: object) -> float:
        name = level(value)
        return float(self.order.index(name)) if name in self.order else number(value)

    def _places_of_levels(self, column: Raw) -> Places:
        distinct, rows = codes_of(column)
        return np.asarray([self.place(name) for name in distinct] or [0], np.intp)[rows]


@dataclass(frozen=True, slots=True)
class Beyond:
    """Bins with one more place: where it stands, and the old place whose values it takes from."""

    bins: Bins
    at: int
    like: int


#: A place beyond the seen is this part of the seen range wide; a new level needs so many rows at once.
_STRIDE = 0.02
_ROWS_OF_LEVEL = 5


def beyond(bins: Bins, frame: Frame) -> Beyond | None:
    """Bins that tell apart a value beyond all seen, or a level never seen, if the frame has one; else None."""
    column = frame.columns.get(bins.name)
    if column is None or bins.is_flag or bins.order or bins.missing:
        return None
    if not bins.ordered:
        names, rows = codes_of(column)
        for name, count in zip(names, np.bincount(rows, minlength=len(names)).tolist(), strict=True):
            if name is not None and count >= _ROWS_OF_LEVEL and name not in bins.levels:
                return Beyond(replace(bins, levels=(*bins.levels, name)), bins.size - 1, bins.size - 1)
        return None
    values = numbers_of(column)
    values = values[np.isfinite(values)]
    if not len(bins.edges) or not len(values):
        return None
    low, high = bins.edges[0], bins.edges[-1]
    stride = max((high - low) * _STRIDE, 1e-9 * max(1.0, abs(low), abs(high)))
    if (under := values[values < low]).size:
        return Beyond(replace(bins, edges=(float(under.max()) - stride, *bins.edges)), 2, 1)
    if (over := values[values >= high]).size:
        return Beyond(
            replace(bins, edges=(*bins.edges, float(over.min()) + stride)), bins.size - 1, bins.size - 1
        )
    return None


_FLAG_WORDS = (
    "yes",
    "Yes",
    "YES",
    "y",
    "Y",
    "no",
    "No",
    "NO",
    "n",
    "N",
    "true",
    "True",
    "false",
    "False",
    "是",
    "否",
)


def learn_bins(frame: Frame, column: Column) -> Bins:
    """Bins of a column from its values: one a distinct value where these are few, else of equal count."""
    key = frame.keys.get(column.name, column.name)
    if not isinstance(key, int | str):
        key = column.name
    if column.ordered:
        edges = _edges(_ordered_values(frame, column))
        order = column.levels if column.kind is Kind.ORDINAL else ()
        return Bins(column.name, key, True, edges=edges, order=order, missing=column.missing)
    is_flag = column.kind is Kind.FLAG
    return Bins(
        column.name,
        key,
        False,
        levels=_levels(frame, column, is_flag),
        is_flag=is_flag,
        missing=column.missing,
    )


def _ordered_values(frame: Frame, column: Column) -> Numbers:
    values = frame.columns.get(column.name)
    if values is None:
        return np.empty(0)
    if not column.levels and not column.missing:
        return numbers_of(values)
    reader = Bins(column.name, column.name, True, order=column.levels, missing=column.missing)
    distinct, rows = codes_of(values)
    read = [reader._ordinal(name) if reader.place(name) else float("nan") for name in distinct]
    return np.asarray(read or [np.nan])[rows]


def _edges(values: Numbers) -> tuple[float, ...]:
    """Half-way between neighbours where few are distinct, else quantiles; none where nothing is known.

    Less than was ever seen, and more, have pieces of their own: they start with their neighbour's value, and may
    come to differ from it when outcomes are observed there.
    """
    known = values[np.isfinite(values)]
    distinct = np.unique(known)
    if not len(distinct):
        return ()
    if len(distinct) > MOST_PIECES - 2:
        cuts = np.quantile(known, np.arange(1, MOST_PIECES - 2) / (MOST_PIECES - 2), method="higher")
        above = np.nextafter(distinct[-1], np.inf)
        return tuple(np.unique(np.r_[distinct[0], cuts, above]).tolist())
    half = float(np.diff(distinct).min()) / 2 if len(distinct) > 1 else 0.5
    inner = (distinct[1:] + distinct[:-1]) / 2
    return tuple(np.unique(np.r_[distinct[0] - half, inner, distinct[-1] + half]).tolist())


def _levels(frame: Frame, column: Column, is_flag: bool) -> tuple[str, ...]:
    """Levels by how often they come, without those too rare to say anything of."""
    values = frame.columns.get(column.name)
    if values is None:
        return ()
    reader = Bins(column.name, column.name, False, is_flag=is_flag, missing=column.missing)
    distinct, rows = codes_of(values)
    counts: dict[str, int] = {}
    for name, count in zip(distinct, np.bincount(rows, minlength=len(distinct)).tolist(), strict=True):
        read = reader._name(name)
        if read is not None and read not in column.missing:
            counts[read] = counts.get(read, 0) + count
    least = 1 if frame.rows < 500 else 3
    often = sorted(counts, key=lambda name: (-counts[name], name))
    return tuple(name for name in often if counts[name] >= least)[:MOST_LEVELS]
