"""One run over a file: batches of lines, read in a thread, compared with the database one batch at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from policy_db.imports.kind import Column, Kind, Line, Outcome
from policy_db.imports.problems import FileRefusedError
from policy_db.imports.reading import Source

#: Lines that are compared at once; small enough that the database and other tasks never wait long.
BATCH: Final = 500


@dataclass(slots=True)
class Counts:
    """How many lines came to what."""

    lines: int = 0
    added: int = 0
    changed: int = 0
    same: int = 0
    wrong: int = 0
    warned: int = 0

    def count(self, line: Line) -> None:
        """Add a line."""
        outcome: Outcome = line.outcome
        self.lines += 1
        setattr(self, outcome, getattr(self, outcome) + 1)
        self.warned += any(problem.severity == "warning" for problem in line.problems)

    def as_dict(self) -> dict[str, int]:
        """By name, as the record of an import has them."""
        return {
            name: getattr(self, name) for name in ("lines", "added", "changed", "same", "wrong", "warned")
        }


@dataclass(slots=True)
class Reader:
    """Gives the lines of a source in batches; a record that comes a second time is wrong."""

    source: Source
    kind: Kind
    _seen: dict[int, int] = field(default_factory=dict)

    async def batches(self) -> AsyncIterator[list[Line]]:
        """Each batch as it is read; reading and understanding happen in a thread. Raises FileRefusedError."""
        headings = headings_of(self.kind, self.source)
        lines = self._lines(headings)
        while batch := await asyncio.to_thread(lambda: list(islice(lines, BATCH))):
            yield batch

    def _lines(self, headings: tuple[Column, ...]) -> Iterator[Line]:
        for number, cells in self.source.rows():
            line = self.kind.read(number, headings, cells)
            key = line.key or line.given.get("id_number")
            if key is not None and not line.is_wrong:
                first = self._seen.setdefault(hash(key), number)
                if first != number:
                    line.wrong("duplicate", self.kind.key[-1], line=first)
            yield line


def headings_of(kind: Kind, source: Source) -> tuple[Column, ...]:
    """The columns that the header names. Raises FileRefusedError where that is not clear."""
    found = [kind.column(name) for name in source.header]
    known = ", ".join(one.name for one in kind.columns)
    if not any(found):
        raise FileRefusedError("no_header", example=",".join(kind.template()[0]))
    unknown = [name or "–" for name, column in zip(source.header, found, strict=True) if column is None]
    if any(name.casefold() in ("pin", "密码") for name in unknown):
        raise FileRefusedError("pin_column")
    if unknown:
        raise FileRefusedError("unknown_columns", columns=", ".join(unknown)[:200], known=known)
    columns = tuple(column for column in found if column is not None)
    names = [column.name for column in columns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise FileRefusedError("twice", columns=", ".join(twice))
    wanted = [name for name in kind.key if name not in names]
    if wanted and not (kind.name == "customers" and "id_number" in names):
        raise FileRefusedError("missing_columns", columns=", ".join(wanted))
    return columns
