"""Who did what: added to, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from policy_db.clock import Clock
from policy_db.facts import AuditEntry
from policy_db.store import Store
from policy_db.tables import AuditRow
from policy_db.writes import insert


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
            select(AuditRow.at, AuditRow.actor, AuditRow.action, AuditRow.subject, AuditRow.details)
            .where(AuditRow.subject == subject)
            .order_by(AuditRow.at.desc(), AuditRow.id.desc())
            .limit(limit)
        )
        async with self._store.reading() as connection:
            return tuple(AuditEntry(*row) for row in await connection.execute(query))
