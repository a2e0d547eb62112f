"""Who did what: added to, never changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, or_, select

from policy_db.clock import Clock
from policy_db.facts import AuditEntry
from policy_db.store import AnyRow, Store
from policy_db.tables import AuditRow
from policy_db.writes import insert

_ENTRY: Final = (AuditRow.at, AuditRow.actor, AuditRow.action, AuditRow.subject, AuditRow.details)
_BATCH: Final = 1000


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries are wanted; empty means any. `subject` is whole (`call:ID`) or its kind with a colon (`call:`)."""

    actor: str = ""
    action: str = ""
    subject: str = ""
    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class NumberedEntry:
    """An entry with its number, by which the next page is asked for."""

    id: int
    entry: AuditEntry
    call: str


class Audit:
    """The audit trail. The database itself refuses to change or delete an entry."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def add(
        self,
        actor: str,
        action: str,
        subject: str,
        details: Mapping[str, Any] | None = None,
        *,
        call: str = "",
    ) -> None:
        """Note that `actor` (`call`, `staff:NAME`, `system`) did `action` to `subject`. No digits."""
        statement = insert(self._store, AuditRow).values(
            at=self._clock(),
            actor=actor,
            action=action,
            subject=subject,
            details=dict(details or {}),
            call_id=call,
        )
        async with self._store.writing() as connection:
            await connection.execute(statement)

    async def about(self, subject: str, *, limit: int = 100) -> tuple[AuditEntry, ...]:
        """The latest entries about a subject, the newest first."""
        query = (
            select(*_ENTRY)
            .where(AuditRow.subject == subject)
            .order_by(AuditRow.at.desc(), AuditRow.id.desc())
            .limit(limit)
        )
        async with self._store.reading() as connection:
            return tuple(AuditEntry(*row) for row in await connection.execute(query))

    async def search(
        self, wanted: AuditFilter, *, older_than: int | None = None, limit: int = 50
    ) -> tuple[NumberedEntry, ...]:
        """Entries, the newest first; of those older than one (by its number), for the next page.

        No page costs more than the one before it, however many entries there are.
        """
        async with self._store.reading() as connection:
            conditions = _conditions(wanted)
            if older_than is not None:
                last = select(AuditRow.at).where(AuditRow.id == older_than)
                at = (await connection.execute(last)).scalar()
                if at is None:
                    return ()
                conditions.append(
                    or_(AuditRow.at < at, and_(AuditRow.at == at, AuditRow.id < older_than)),
                )
                conditions.append(AuditRow.at <= at)  # by which the index is entered
            rows = await connection.execute(_query(conditions).limit(limit))
            return tuple(_numbered(row) for row in rows)

    async def export(self, wanted: AuditFilter, *, most: int = 1_000_000) -> AsyncIterator[NumberedEntry]:
        """Every entry that is wanted, the newest first, read in batches."""
        last: int | None = None
        while most > 0:
            batch = await self.search(wanted, older_than=last, limit=min(_BATCH, most))
            for one in batch:
                yield one
            if len(batch) < _BATCH:
                return
            last, most = batch[-1].id, most - len(batch)


def _query(conditions: list[ColumnElement[bool]]) -> Select[Any]:
    return (
        select(AuditRow.id, *_ENTRY, AuditRow.call_id)
        .where(*conditions)
        .order_by(AuditRow.at.desc(), AuditRow.id.desc())
    )


def _conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.actor:
        conditions.append(AuditRow.actor == wanted.actor)
    if wanted.action:
        conditions.append(AuditRow.action == wanted.action)
    if wanted.subject.endswith(":"):
        conditions.append(AuditRow.subject.startswith(wanted.subject, autoescape=True))
    elif wanted.subject:
        conditions.append(AuditRow.subject == wanted.subject)
    if wanted.since is not None:
        conditions.append(AuditRow.at >= wanted.since)
    if wanted.before is not None:
        conditions.append(AuditRow.at < wanted.before)
    return conditions


def _numbered(row: AnyRow) -> NumberedEntry:
    return NumberedEntry(
        row.id, AuditEntry(row.at, row.actor, row.action, row.subject, row.details), row.call_id
    )
