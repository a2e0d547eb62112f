"""What a document consists of, without how it looks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Prose:
    """Paragraphs under a heading; `strong` for what must not be missed."""

    text: str
    title: str = ""
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Pairs of a name and a value."""

    rows: tuple[tuple[str, str], ...]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """The few values that a reader looks for, large."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table: `numbers` are the columns set to the right, `chosen` the cell (row, column) that is marked."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    numbers: tuple[int, ...] = ()
    chosen: tuple[int, int] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Steps:
    """Things to do, in their order or (`ticked`) as a list to tick off."""

    items: tuple[str, ...]
    title: str = ""
    ticked: bool = False


Part = Prose | Facts | Figures | Table | Steps


@dataclass(frozen=True, slots=True)
class Letter:
    """A document. `address` is whom it is posted to, line by line; without one it is for nobody in particular."""

    kind: str
    number: str
    language: str
    title: str
    company: str
    hotline: str
    on: date
    dear: str
    intro: str
    parts: tuple[Part, ...]
    note: str
    made: str
    address: tuple[str, ...] = ()
