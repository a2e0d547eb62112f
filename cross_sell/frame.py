"""A table in any of the shapes people hold one in, read once into columns.

Accepted: a pandas (or polars) data frame, a mapping of columns, an iterable of row mappings, a two-dimensional
numpy array (its columns are called `0`, `1`, …). Names are texts throughout; `keys` remembers what the frame
itself called a column (data frames may call it by a number).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cross_sell.errors import FrameError, TargetError
from cross_sell.values import flag, level, number

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
Raw = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Frame:
    """Columns of equal length by name; the values are as they came, and are read by `numbers` and `levels`."""

    columns: Mapping[str, Raw]
    keys: Mapping[str, object]
    rows: int

    def numbers(self, name: str) -> Numbers:
        """The column as numbers, NaN where there is none (missing, infinite, not a number)."""
        column = self.columns.get(name)
        if column is None:
            return np.full(self.rows, np.nan)
        return numbers_of(column)

    def levels(self, name: str) -> list[str | None]:
        """The column as names of levels, None where there is none."""
        column = self.columns.get(name)
        if column is None:
            return [None] * self.rows
        return levels_of(column)

    def labels(self, name: str) -> Flags:
        """The column as yes or no; raises TargetError where it is missing or anything else."""
        if name not in self.columns:
            raise TargetError(
                f"There is no column {name!r} to learn.", f"The columns are: {_some(self.columns)}."
            )
        return labels_of(self.columns[name], name)

    def row(self, index: int) -> dict[object, object]:
        """One row, under the frame's own keys."""
        return {self.keys[name]: column[index] for name, column in self.columns.items()}

    def take(self, index: Raw) -> Frame:
        """The rows at these places (integers) or where it is true (booleans)."""
        columns = {name: column[index] for name, column in self.columns.items()}
        rows = int(np.count_nonzero(index)) if index.dtype == bool else len(index)
        return Frame(columns, self.keys, rows)

    def without(self, *names: str) -> Frame:
        """The frame without these columns."""
        kept = {name: column for name, column in self.columns.items() if name not in names}
        return Frame(kept, {name: self.keys[name] for name in kept}, self.rows)


def read_frame(source: object) -> Frame:
    """Read a table of any accepted shape; raises FrameError that says which shapes there are."""
    if isinstance(source, Frame):
        return source
    if isinstance(source, np.ndarray):
        return _of_array(source)
    if isinstance(source, Mapping):
        return _of_columns(source)
    if hasattr(source, "columns") and hasattr(source, "__getitem__"):
        return _of_data_frame(source)
    if isinstance(source, Iterable) and not isinstance(source, str | bytes):
        return _of_rows(list(source))
    raise FrameError(
        f"A {type(source).__name__} is not a table.",
        "Give a pandas data frame, a mapping of columns, or a list of rows (mappings).",
    )


def numbers_of(column: Raw) -> Numbers:
    """The values as finite numbers, NaN for the rest."""
    if column.dtype.kind in "fiub":
        numbers = column.astype(np.float64)
        return np.where(np.isfinite(numbers), numbers, np.nan)
    return np.asarray(_each(column, number, np.float64), np.float64)


def codes_of(column: Raw) -> tuple[list[str | None], NDArray[np.intp]]:
    """The distinct levels (None for the missing), and for each row the place of its own among them."""
    distinct: list[str | None]
    if column.dtype.kind in "fiub":
        values, places = np.unique(column, return_inverse=True)
        distinct = [level(value) for value in values.tolist()]
    else:
        places = _each(column, _Places(), np.intp)
        distinct = [None] * (int(places.max(initial=-1)) + 1)
        for value, place in zip(column.tolist(), places.tolist(), strict=True):
            if distinct[place] is None:
                distinct[place] = level(value)
    return _merged(distinct, places)


def levels_of(column: Raw) -> list[str | None]:
    """The values as names of levels, None for the missing."""
    distinct, places = codes_of(column)
    return [distinct[place] for place in places.tolist()]


def labels_of(column: Raw, name: str) -> Flags:
    """The values as yes or no; raises TargetError that names the first row that is neither."""
    distinct, places = codes_of(column)
    answers = [flag(text) for text in distinct]
    for place, answer in enumerate(answers):
        if answer is None and len(places):
            text, row = distinct[place], int(np.argmax(places == place))
            raise TargetError(
                f"Row {row} of {name!r} is {'missing' if text is None else repr(text)}, not a yes or no.",
                "Give yes/no, true/false or 1/0, and leave out rows whose outcome is not known.",
            )
    return np.asarray(answers, np.bool_)[places] if answers else np.zeros(0, np.bool_)


class _Places:
    """Numbers values by their level as they come."""

    def __init__(self) -> None:
        self._known: dict[str | None, int] = {}

    def __call__(self, value: object) -> int:
        return self._known.setdefault(level(value), len(self._known))


def _each(column: Raw, read: Callable[[object], float], kind: type) -> Any:
    """Every value read; equal ones once. (True, 1 and 1.0 are equal, and read alike.)"""
    values = column.tolist()
    try:
        known = {value: read(value) for value in set(values)}
    except TypeError:  # a list or the like in a cell
        return np.fromiter((read(value) for value in values), kind, len(values))
    return np.fromiter((known[value] for value in values), kind, len(values))


def _merged(
    distinct: list[str | None], places: NDArray[np.intp]
) -> tuple[list[str | None], NDArray[np.intp]]:
    """Values that are written differently and name one level become one."""
    names = list(dict.fromkeys(distinct))
    if len(names) == len(distinct):
        return distinct, places
    where = {name: place for place, name in enumerate(names)}
    return names, np.asarray([where[name] for name in distinct], np.intp)[places]


def _of_array(source: Raw) -> Frame:
    if source.dtype.names:
        return _of_columns({name: source[name] for name in source.dtype.names})
    if source.ndim != 2:
        raise FrameError(
            f"An array of {source.ndim} dimensions is not a table.", "Give one row a line, in two."
        )
    return _frame({index: source[:, index] for index in range(source.shape[1])}, source.shape[0])


def _of_columns(source: Mapping[Any, Any]) -> Frame:
    columns = {key: _array(values, key) for key, values in source.items()}
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        raise FrameError(
            f"The columns are of different lengths: {sorted(lengths)}.", "Give one value a row in each."
        )
    return _frame(columns, lengths.pop() if lengths else 0)


def _of_data_frame(source: Any) -> Frame:
    names = list(source.columns)
    if len({str(name) for name in names}) < len(names):
        raise FrameError("Two columns of the data frame have the same name.", "Rename one of them.")
    return _frame({name: _array(source[name], name) for name in names}, len(source))


def _of_rows(rows: Sequence[Any]) -> Frame:
    names: dict[object, None] = {}
    for index, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise FrameError(
                f"Row {index} is a {type(row).__name__}, not a mapping.", "Give rows as {column: value}."
            )
        names.update(dict.fromkeys(row))
    return _frame({name: _objects([row.get(name) for row in rows]) for name in names}, len(rows))


def _frame(columns: Mapping[Any, Raw], rows: int) -> Frame:
    named = {str(key): column for key, column in columns.items()}
    if len(named) < len(columns):
        raise FrameError("Two columns have the same name when written as text.", "Rename one of them.")
    return Frame(named, {str(key): key for key in columns}, rows)


def _array(values: Any, key: object) -> Raw:
    """One-dimensional values as numpy holds them: numbers as numbers, the rest as objects."""
    if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
        raise FrameError(
            f"Column {key!r} is one {type(values).__name__}, not a list of values.", "Give a list."
        )
    if isinstance(values, list | tuple):
        return _objects(list(values))
    column = values if isinstance(values, np.ndarray) else np.asarray(values)
    if column.ndim != 1:
        raise FrameError(f"Column {key!r} has {column.ndim} dimensions.", "Give one value a row.")
    return column if column.dtype.kind in "fiub" else column.astype(object)


def _objects(values: list[Any]) -> Raw:
    """Plain numbers become an array of numbers; anything mixed stays as it is."""
    kinds = {type(value) for value in values}
    if kinds and kinds <= {int, float, bool} and (kinds == {bool} or bool not in kinds):
        try:
            return np.asarray(values)
        except OverflowError:
            pass
    column = np.empty(len(values), object)
    column[:] = values
    return column


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:12]) + (", …" if len(listed) > 12 else "") if listed else "none"
