"""One kind of record that files bring in: its columns, how a line finds its record, and how it is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, Literal

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from policy_db.imports.problems import Problem, WrongCellError, shown
from policy_db.imports.values import Read, written
from policy_db.keys import Keys
from policy_db.store import AnyRow, Store
from policy_db.tables import Base
from policy_db.writes import insert

Outcome = Literal["added", "changed", "same", "wrong"]
#: What a cell holds to empty a field; a blank cell leaves it as it is.
EMPTY: Final = "(empty)"
_MASK: Final = "••••"
_REQUIRED: Final = object()
#: Columns of tables that are no column of any kind.
_NEVER: Final = frozenset({"id_cipher", "id_hash", "id_tail_hash", "pin_hash", "created_at"})


@dataclass(frozen=True, slots=True)
class Column:
    """A column: how its cells are read, what it is called elsewhere, and what a new record has without it.

    `default` is what a new record gets where the cell is blank; a column without one must be filled in. `empty` is
    what `(empty)` makes of it; a column without one cannot be emptied. A `secret` is never shown.
    """

    name: str
    read: Read
    example: str = ""
    also: tuple[str, ...] = ()
    default: Any = _REQUIRED
    empty: Any = _REQUIRED
    secret: bool = False
    fixed: bool = False

    @property
    def needed(self) -> bool:
        """Whether a new record cannot be without it."""
        return self.default is _REQUIRED

    @property
    def may_be_empty(self) -> bool:
        """Whether it can be emptied."""
        return self.empty is not _REQUIRED


@dataclass(slots=True)
class Found:
    """A record that is there already: its primary key and its values by column."""

    id: Any
    values: Mapping[str, Any]
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Line:
    """A line on its way: what its cells say, the record it means, what is wrong, and what would change."""

    number: int
    given: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    found: Found | None = None
    links: dict[str, Any] = field(default_factory=dict)
    changes: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    outcome: Outcome = "same"
    key: str = ""

    @property
    def is_wrong(self) -> bool:
        """Whether it cannot be taken."""
        return any(problem.severity == "error" for problem in self.problems)

    def wrong(self, code: str, column: str = "", **values: object) -> None:
        """Note what makes the line impossible."""
        self.problems.append(Problem(code, column, shown(values)))

    def warn(self, code: str, column: str = "", **values: object) -> None:
        """Note what is worth a look."""
        self.problems.append(Problem(code, column, shown(values), "warning"))

    def value(self, name: str) -> Any:
        """What the record would have in a column: as given, else as it is."""
        if name in self.given:
            return self.given[name]
        return None if self.found is None else self.found.values.get(name)


@dataclass(frozen=True, slots=True)
class Context:
    """What a run over a file works with; kinds keep what they must remember between lines in `memory`."""

    store: Store
    keys: Keys
    now: datetime
    today: date
    memory: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reference:
    """A column that names another record: by which of its columns, and where its number goes."""

    column: InstrumentedAttribute[Any]
    id: InstrumentedAttribute[Any]
    into: str
    what: str


Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind whose records are rows of one table. `key` are the columns that say which record is meant."""

    name: str
    table: type[Base]
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    references: Mapping[str, Reference] = field(default_factory=dict)
    #: Values by column of a row, and the row of such values, where they are not the same.
    from_row: Callable[[Row], dict[str, Any]] = dict
    to_row: Callable[[Row], dict[str, Any]] = dict
    #: What only shows when all columns are known.
    check: Callable[[Line, Context], None] = lambda line, context: None
    #: What a new row has besides.
    beginnings: Callable[[Context], dict[str, Any]] = lambda context: {}
    id_name: str = "id"

    def column(self, heading: str) -> Column | None:
        """The column of a heading, in whichever language."""
        wanted = heading.strip().casefold()
        return next((one for one in self.columns if wanted in (one.name, *map(str.casefold, one.also))), None)

    def template(self) -> tuple[list[str], list[str]]:
        """Headings and an example line."""
        return [one.name for one in self.columns], [one.example for one in self.columns]

    def read(self, number: int, headings: Sequence[Column], cells: Sequence[str]) -> Line:
        """A line's cells as values."""
        line = Line(number)
        while len(cells) > len(headings) and not cells[-1].strip():
            cells = cells[:-1]
        if len(cells) != len(headings):
            line.wrong("cells", count=len(cells), wanted=len(headings))
            return line
        for column, cell in zip(headings, cells, strict=True):
            if cell := cell.strip():
                _read_cell(line, column, cell)
        self._name(line)
        return line

    def _name(self, line: Line) -> None:
        line.key = " ".join(written(line.given.get(name)) for name in self.key)[:120]
        for name in self.key:
            if name not in line.given and not any(one.column == name for one in line.problems):
                line.wrong("key_needed", name)

    async def match(self, connection: AsyncConnection, lines: Sequence[Line], context: Context) -> None:
        """Find each line's record and what it refers to, and say what would change."""
        await self.refer(connection, lines)
        await self.find(connection, [line for line in lines if not line.is_wrong], context)
        for line in lines:
            self.conclude(line, context)

    async def refer(self, connection: AsyncConnection, lines: Sequence[Line]) -> None:
        """Look up what columns name."""
        for name, reference in self.references.items():
            wanted = {line.given[name] for line in lines if line.given.get(name) is not None}
            query = select(reference.column, reference.id).where(reference.column.in_(wanted))
            known = {row[0]: row[1] for row in await connection.execute(query)} if wanted else {}
            for line in lines:
                value = line.given.get(name)
                if value is not None and value not in known:
                    line.wrong("unknown", name, what=reference.what, value=value)
                line.links[name] = None if value is None else known.get(value)

    async def find(self, connection: AsyncConnection, lines: Sequence[Line], context: Context) -> None:
        """Find the records of lines by their keys."""
        conditions = []
        for name in self.key:
            column = getattr(self.table, self.references[name].into if name in self.references else name)
            conditions.append(column.in_({self._linked(line, name) for line in lines}))
        if not lines:
            return
        rows: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
        query = select(*self.table.__table__.columns).where(*conditions)
        for row in await connection.execute(query):
            mapping = dict(row._mapping)
            rows[tuple(mapping[self._stored(name)] for name in self.key)].append(mapping)
        named = await self._names_of(connection, [row for found in rows.values() for row in found])
        for line in lines:
            found = rows.get(tuple(self._linked(line, name) for name in self.key), [])
            if len(found) > 1:
                line.wrong("several", self.key[-1])
            elif found:
                line.found = Found(found[0][self.id_name], self._values(found[0], named), found[0])

    async def as_found(self, connection: AsyncConnection, rows: Sequence[AnyRow]) -> list[Found]:
        """Rows of all columns of the table as records."""
        mappings: list[Row] = [dict(row._mapping) for row in rows]
        named = await self._names_of(connection, mappings)
        return [Found(row[self.id_name], self._values(row, named), row) for row in mappings]

    def _stored(self, name: str) -> str:
        return self.references[name].into if name in self.references else name

    def _linked(self, line: Line, name: str) -> Any:
        return line.links.get(name) if name in self.references else line.given[name]

    async def _names_of(
        self, connection: AsyncConnection, rows: Iterable[Row]
    ) -> dict[str, Mapping[Any, Any]]:
        """How what the rows refer to is called."""
        named: dict[str, Mapping[Any, Any]] = {}
        rows = list(rows)
        for name, reference in self.references.items():
            ids = {row[reference.into] for row in rows} - {None}
            query = select(reference.id, reference.column).where(reference.id.in_(ids))
            named[name] = {row[0]: row[1] for row in await connection.execute(query)} if ids else {}
        return named

    def _values(self, row: Row, named: Mapping[str, Mapping[Any, Any]]) -> dict[str, Any]:
        values = {name: value for name, value in self.from_row(row).items() if name not in _NEVER}
        for name, reference in self.references.items():
            values[name] = named[name].get(row[reference.into])
        return values

    def conclude(self, line: Line, context: Context) -> None:
        """What the line comes to."""
        if not line.is_wrong and line.found is None:
            self._fill(line)
        if not line.is_wrong:
            self.check(line, context)
        if line.is_wrong:
            line.outcome = "wrong"
            return
        old = {} if line.found is None else line.found.values
        line.changes = {
            name: (old.get(name), value)
            for name, value in line.given.items()
            if line.found is None or old.get(name) != value
        }
        self._refuse_fixed(line)
        if line.is_wrong:
            line.outcome = "wrong"
        else:
            line.outcome = "added" if line.found is None else "changed" if line.changes else "same"

    def _fill(self, line: Line) -> None:
        """Give a new record what it has by itself, or say what it needs."""
        for column in self.columns:
            if column.name in line.given:
                continue
            if column.needed:
                line.wrong("needed", column.name)
            else:
                line.given[column.name] = column.default

    def _refuse_fixed(self, line: Line) -> None:
        if line.found is not None:
            for column in self.columns:
                if column.fixed and column.name in line.changes:
                    line.wrong("fixed", column.name)

    async def write(self, connection: AsyncConnection, lines: Sequence[Line], context: Context) -> None:
        """Write what lines bring."""
        new = [
            self.row_of(line, line.given) | self.beginnings(context)
            for line in lines
            if line.outcome == "added"
        ]
        if new:
            await connection.execute(insert(context.store, self.table), new)
        changed: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
        for line in lines:
            if line.outcome == "changed" and line.found is not None:
                values = self.changed_row(line)
                row = {f"new_{name}": value for name, value in values.items()} | {"which": line.found.id}
                changed[tuple(sorted(values))].append(row)
        key = self.table.__table__.columns[self.id_name]
        for names, rows in changed.items():
            statement = self.table.__table__.update().where(key == bindparam("which"))  # type: ignore[attr-defined]
            await connection.execute(
                statement.values({name: bindparam(f"new_{name}") for name in names}), rows
            )

    def changed_row(self, line: Line) -> dict[str, Any]:
        """The columns of the table that a changed line sets."""
        assert line.found is not None  # noqa: S101 - it was found, or it would be new
        merged = self.row_of(line, {**line.found.values, **line.given})
        before = line.found.extra
        return {name: value for name, value in merged.items() if before.get(name) != value}

    def row_of(self, line: Line, values: Row) -> dict[str, Any]:
        """The row of values by column."""
        row = self.to_row(values)
        for name, reference in self.references.items():
            row.pop(name, None)
            if name in line.given:
                row[reference.into] = line.links.get(name)
        return row

    def told(self, line: Line) -> dict[str, list[str]]:
        """What would change, as texts: before and after. Secrets are masked."""
        secret = {one.name for one in self.columns if one.secret}
        return {
            name: [
                "" if before is None else _MASK if name in secret else written(before),
                _MASK if name in secret else written(after),
            ]
            for name, (before, after) in line.changes.items()
            if line.outcome == "changed" or after not in ("", None)
        }


def _read_cell(line: Line, column: Column, cell: str) -> None:
    if cell == EMPTY:
        if column.empty is _REQUIRED:
            line.wrong("not_empty", column.name)
        else:
            line.given[column.name] = column.empty
        return
    try:
        line.given[column.name] = column.read(
            cell, lambda code, **values: line.warn(code, column.name, **values)
        )
    except WrongCellError as error:
        values = {} if column.secret and error.code != "scientific" else error.values
        line.problems.append(Problem(error.code, column.name, values))
