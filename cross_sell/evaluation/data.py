"""Reading an evaluation's files: text tables, gzipped or not, into frames."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import numpy as np

from cross_sell.errors import DataError
from cross_sell.frame import Frame, Raw, read_frame


def find(folder: Path, *patterns: str) -> Path | None:
    """The first file, by name, that fits the first pattern that any file fits."""
    for pattern in patterns:
        found = sorted(path for path in folder.glob(pattern) if path.is_file())
        if found:
            return found[0]
    return None


def needed(folder: Path, what: str, *patterns: str) -> Path:
    """As `find`; raises DataError that names what is missing."""
    found = find(folder, *patterns)
    if found is None:
        raise DataError(f"{folder} has no {what}.", f"Give a folder with {' or '.join(patterns)}.")
    return found


def read_table(path: Path, *, separator: str | None = None, names: Sequence[str] | None = None) -> Frame:
    """A text table as a frame: numbers where every value of a column is one, else texts; empty is missing.

    The separator is told from the first line if it is not given; `names` are for a file without a head.
    Raises DataError where it cannot be read.
    """
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig", errors="replace")
    except (OSError, EOFError) as error:
        raise DataError(f"{path} cannot be read ({error}).") from error
    first = text.split("\n", 1)[0]
    separator = separator or max(",;\t", key=first.count)
    rows = [row for row in csv.reader(StringIO(text), delimiter=separator) if row]
    head = list(names) if names else rows.pop(0) if rows else []
    ragged = next((index for index, row in enumerate(rows) if len(row) != len(head)), None)
    if ragged is not None:
        raise DataError(f"Row {ragged} of {path} has {len(rows[ragged])} values, the head {len(head)} names.")
    columns = zip(*rows, strict=True) if rows else ([] for _ in head)
    return read_frame({name: _typed(values) for name, values in zip(head, columns, strict=True)})


def _typed(values: Sequence[str]) -> Raw:
    if values and not any("_" in value for value in values):
        try:
            return np.asarray([float(value) if value else np.nan for value in values])
        except ValueError:
            pass
    column = np.empty(len(values), object)
    column[:] = [value or None for value in values]
    return column
