"""What came of each file: looked through, and perhaps applied."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, cast
from zoneinfo import ZoneInfo

from sqlalchemy import delete, select, update
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.clock import Clock
from policy_db.errors import BadValueError, ConflictError, NotFoundError
from policy_db.imports.kind import Context, Kind, Line
from policy_db.imports.kinds import KINDS, subject_of
from policy_db.imports.problems import FileRefusedError
from policy_db.imports.reading import Source, open_source
from policy_db.imports.run import Counts, Reader
from policy_db.keys import Keys
from policy_db.store import AnyRow, Store
from policy_db.tables import AuditRow, ImportLineRow, ImportRow
from policy_db.writes import insert

ImportState = Literal["checking", "checked", "refused", "applying", "applied", "discarded"]
#: Called with a record as it grows.
Progress = Callable[["ImportRecord"], None]
#: Counts that must come out as they were checked.
_COMPARED: Final = ("lines", "added", "changed", "same", "wrong")


@dataclass(frozen=True, slots=True)
class ImportLimits:
    """The largest file in bytes, and the most lines."""

    size: int = 50_000_000
    lines: int = 1_000_000


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """A file that was looked through: counts of its lines, who brought it, and whether it was applied."""

    id: str
    kind: str
    state: ImportState
    file_name: str
    size: int
    digest: str
    encoding: str
    lines: int
    added: int
    changed: int
    same: int
    wrong: int
    warned: int
    skipped: bool
    problem: dict[str, Any] | None
    begun_at: datetime
    begun_by: str
    applied_at: datetime | None
    applied_by: str

    @property
    def writes(self) -> int:
        """How many records it adds or changes."""
        return self.added + self.changed


@dataclass(frozen=True, slots=True)
class ImportLine:
    """A line that adds, changes, is wrong or worth a look."""

    line: int
    outcome: str
    key: str
    changes: dict[str, list[str]]
    problems: list[dict[str, Any]]


class _ChangedError(Exception):
    """What was checked is not what would be written now."""


def _hear_nothing(record: ImportRecord) -> None:
    return


class Imports:
    """Looks through files and applies them, and remembers each."""

    def __init__(self, store: Store, keys: Keys, clock: Clock, limits: ImportLimits | None = None) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self.limits = limits or ImportLimits()
        self.zone = ZoneInfo("Asia/Shanghai")

    async def begin(self, kind: str, file_name: str, path: Path, *, by: str) -> ImportRecord:
        """Note that a file is to be looked through. Raises NotFoundError for a kind that does not exist."""
        if kind not in KINDS:
            raise NotFoundError(f"There is nothing called {kind} to import.", f"Choose: {', '.join(KINDS)}.")
        values: dict[str, Any] = {
            "id": secrets.token_hex(8), "kind": kind, "state": "checking", "file_name": Path(file_name).name[:200],
            "size": path.stat().st_size, "digest": "", "encoding": "", **Counts().as_dict(), "skipped": False,
            "problem": None, "begun_at": self._clock(), "begun_by": by, "applied_at": None, "applied_by": "",
        }  # fmt: skip
        async with self._store.writing() as connection:
            await connection.execute(insert(self._store, ImportRow).values(values))
        return ImportRecord(**values)

    async def check(self, record: str, path: Path, *, progress: Progress = _hear_nothing) -> ImportRecord:
        """Look through the file and keep what each line would do; nothing else is written."""
        found = await self._known(record)
        kind, counts = KINDS[found.kind], Counts()
        await self._set(record, clear=True, state="checking", problem=None, **counts.as_dict())
        try:
            source = await asyncio.to_thread(
                open_source, path, limit=self.limits.size, most_lines=self.limits.lines
            )
            about: dict[str, Any] = {"encoding": source.encoding, "digest": source.digest}
            context = self._context()
            async for batch in Reader(source, kind).batches():
                async with self._store.reading() as connection:
                    await kind.match(connection, batch, context)
                for line in batch:
                    counts.count(line)
                await self._keep(record, kind, batch, counts, about)
                progress(await self._known(record))
        except FileRefusedError as error:
            await self._set(record, clear=True, state="refused", problem=error.problem.as_dict())
            return await self._known(record)
        await self._set(record, state="checked", **about)
        return await self._known(record)

    async def apply(self, record: str, path: Path, *, by: str, skip_wrong: bool = False) -> ImportRecord:
        """Write what the file brings, in one transaction.

        Everything is compared once more; if that comes to something else than was checked, nothing is written and
        the file is looked through again. Raises BadValueError where lines are wrong and `skip_wrong` is not said,
        ConflictError where it was applied already or changed meanwhile.
        """
        found = await self._known(record)
        if found.wrong and not skip_wrong:
            raise BadValueError(f"{found.wrong} lines are wrong.", "Mend them, or leave them out.")
        if not await self._claim(record):
            raise ConflictError("This import is over, or being applied already.")
        try:
            source = await asyncio.to_thread(
                open_source, path, limit=self.limits.size, most_lines=self.limits.lines
            )
            if source.digest != found.digest:
                raise _ChangedError
            await self._write(found, source, by)
        except (_ChangedError, IntegrityError, DataError, FileRefusedError):
            await self.check(record, path)
            changed = FileRefusedError("changed").problem
            await self._set(record, problem=changed.as_dict())
            raise ConflictError("Data or file changed after the dry run; nothing was written.") from None
        except BaseException:
            await self._set(record, state="checked")
            raise
        return await self._known(record)

    async def _write(self, found: ImportRecord, source: Source, by: str) -> None:
        kind, counts, context = KINDS[found.kind], Counts(), self._context()
        async with self._store.writing("imports") as connection:
            async for batch in Reader(source, kind).batches():
                await kind.match(connection, batch, context)
                for line in batch:
                    counts.count(line)
                await kind.write(connection, batch, context)
                await self._audit(connection, found, batch, by)
            if any(getattr(found, name) != getattr(counts, name) for name in _COMPARED):
                raise _ChangedError
            await self._finish(connection, found, by)

    async def _audit(
        self, connection: AsyncConnection, found: ImportRecord, batch: Sequence[Line], by: str
    ) -> None:
        """Each record that is touched, with the names of its fields, never what they hold."""
        subject = subject_of(found.kind)
        rows = [
            {
                "at": self._clock(), "actor": by, "action": f"imported_{line.outcome}", "call_id": "",
                "subject": f"{subject}:{line.key.split(' ')[0]}"[:100],
                "details": {"import": found.id, "kind": found.kind, "fields": sorted(line.changes)},
            }
            for line in batch
            if line.outcome in ("added", "changed")
        ]  # fmt: skip
        if rows:
            await connection.execute(insert(self._store, AuditRow), rows)

    async def _finish(self, connection: AsyncConnection, found: ImportRecord, by: str) -> None:
        now = self._clock()
        mine = ImportLineRow.import_id == found.id
        await connection.execute(delete(ImportLineRow).where(mine, ImportLineRow.outcome != "wrong"))
        done = {
            "state": "applied", "applied_at": now, "applied_by": by, "skipped": found.wrong > 0,
            "problem": None,
        }  # fmt: skip
        await connection.execute(update(ImportRow).where(ImportRow.id == found.id).values(done))
        details = {
            "kind": found.kind,
            "file": found.file_name,
            "added": found.added,
            "changed": found.changed,
        }
        audit = {
            "at": now, "actor": by, "action": "import_applied", "subject": f"import:{found.id}",
            "details": details, "call_id": "",
        }  # fmt: skip
        await connection.execute(insert(self._store, AuditRow).values(audit))

    async def discard(self, record: str) -> ImportRecord:
        """Give a checked file up; what it would have changed is forgotten."""
        found = await self._known(record)
        if found.state in ("checked", "refused"):
            await self._set(record, clear=True, state="discarded")
        return await self._known(record)

    async def find(self, record: str) -> ImportRecord | None:
        """An import by its id."""
        query = select(*ImportRow.__table__.columns).where(ImportRow.id == record)
        async with self._store.reading() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else _record(row)

    async def latest(self, *, kind: str = "", offset: int = 0, limit: int = 50) -> tuple[ImportRecord, ...]:
        """Imports, the newest first."""
        query = select(*ImportRow.__table__.columns).order_by(ImportRow.begun_at.desc(), ImportRow.id)
        if kind:
            query = query.where(ImportRow.kind == kind)
        async with self._store.reading() as connection:
            return tuple(_record(row) for row in await connection.execute(query.offset(offset).limit(limit)))

    async def lines(
        self, record: str, *, outcome: str = "", after: int = 0, limit: int = 100
    ) -> tuple[ImportLine, ...]:
        """Lines that came to something, after a line number; `warned` gives those worth a look."""
        query = select(*ImportLineRow.__table__.columns).where(
            ImportLineRow.import_id == record, ImportLineRow.line > after
        )
        if outcome in ("added", "changed", "wrong", "same"):
            query = query.where(ImportLineRow.outcome == outcome)
        elif outcome == "warned":
            query = query.where(ImportLineRow.warned)
        query = query.order_by(ImportLineRow.line).limit(limit)
        async with self._store.reading() as connection:
            return tuple(
                ImportLine(row.line, row.outcome, row.key, row.changes, row.problems)
                for row in await connection.execute(query)
            )

    async def put_right(self) -> None:
        """After a start: what was under way is over. An import is applied whole or not at all."""
        async with self._store.writing() as connection:
            cut_off = FileRefusedError("interrupted").problem.as_dict()
            await connection.execute(
                update(ImportRow)
                .where(ImportRow.state == "checking")
                .values(state="refused", problem=cut_off)
            )
            await connection.execute(
                update(ImportRow).where(ImportRow.state == "applying").values(state="checked")
            )

    async def forget(self, before: datetime) -> int:
        """Delete the lines of imports begun before a moment (they hold what was in the file); how many imports."""
        old = select(ImportRow.id).where(ImportRow.begun_at < before)
        async with self._store.writing() as connection:
            await connection.execute(delete(ImportLineRow).where(ImportLineRow.import_id.in_(old)))
            open_ones = update(ImportRow).where(
                ImportRow.begun_at < before, ImportRow.state.in_(("checked", "refused"))
            )
            return (await connection.execute(open_ones.values(state="discarded"))).rowcount

    def _context(self) -> Context:
        now = self._clock()
        return Context(self._store, self._keys, now, now.astimezone(self.zone).date())

    async def _known(self, record: str) -> ImportRecord:
        found = await self.find(record)
        if found is None:
            raise NotFoundError(f"There is no import {record}.")
        return found

    async def _claim(self, record: str) -> bool:
        """Take the import for applying, if nobody has."""
        mine = update(ImportRow).where(ImportRow.id == record, ImportRow.state == "checked")
        async with self._store.writing() as connection:
            return (await connection.execute(mine.values(state="applying"))).rowcount == 1

    async def _set(self, record: str, *, clear: bool = False, **values: Any) -> None:
        async with self._store.writing() as connection:
            if clear:
                await connection.execute(delete(ImportLineRow).where(ImportLineRow.import_id == record))
            await connection.execute(update(ImportRow).where(ImportRow.id == record).values(values))

    async def _keep(
        self, record: str, kind: Kind, batch: Sequence[Line], counts: Counts, about: dict[str, Any]
    ) -> None:
        rows = [
            {
                "import_id": record, "line": line.number, "outcome": line.outcome, "key": line.key,
                "warned": any(one.severity == "warning" for one in line.problems),
                "changes": kind.told(line), "problems": [one.as_dict() for one in line.problems],
            }
            for line in batch
            if line.outcome != "same" or line.problems
        ]  # fmt: skip
        async with self._store.writing() as connection:
            if rows:
                await connection.execute(insert(self._store, ImportLineRow), rows)
            values = {**counts.as_dict(), **about}
            await connection.execute(update(ImportRow).where(ImportRow.id == record).values(values))


def _record(row: AnyRow) -> ImportRecord:
    values = dict(row._mapping)
    return ImportRecord(**{**values, "state": cast("ImportState", values["state"])})
