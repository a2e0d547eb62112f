"""Documents made for policyholders, and whether they went out."""

from __future__ import annotations

from typing import Any, Literal, cast

from sqlalchemy import select, update

from policy_db.clock import Clock
from policy_db.errors import NotFoundError
from policy_db.facts import Document
from policy_db.store import Store
from policy_db.tables import DocumentRow, PolicyRow
from policy_db.writes import insert

State = Literal["queued", "sent", "failed"]


class Documents:
    """Add documents and follow them on their way."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def add(
        self,
        document: str,
        *,
        kind: str,
        file: str,
        policy: str | None = None,
        call: str = "",
        language: str = "",
        channel: str = "",
    ) -> None:
        """A document waits to go out by `channel` (sms, email, fax, post). The same id is added once."""
        number = select(PolicyRow.id).where(PolicyRow.number == policy).scalar_subquery()
        statement: Any = insert(self._store, DocumentRow).values(
            id=document,
            kind=kind,
            policy_id=number,
            call_id=call,
            language=language,
            file=file,
            channel=channel,
            state="queued",
            created_at=self._clock(),
        )
        async with self._store.writing() as connection:
            await connection.execute(statement.on_conflict_do_nothing())

    async def mark(self, document: str, state: State) -> None:
        """Note that it was sent or failed. Raises NotFoundError."""
        change = update(DocumentRow).where(DocumentRow.id == document).values(state=state)
        async with self._store.writing() as connection:
            if (await connection.execute(change)).rowcount == 0:
                raise NotFoundError(f"There is no document {document}.")

    async def of_policy(self, policy: str) -> tuple[Document, ...]:
        """The documents of a policy, the oldest first."""
        query = (
            select(*DocumentRow.__table__.columns, PolicyRow.number.label("policy"))
            .join(PolicyRow, PolicyRow.id == DocumentRow.policy_id)
            .where(PolicyRow.number == policy)
            .order_by(DocumentRow.created_at, DocumentRow.id)
        )
        async with self._store.reading() as connection:
            return tuple(
                Document(
                    id=row.id,
                    kind=row.kind,
                    policy=row.policy,
                    language=row.language,
                    file=row.file,
                    channel=row.channel,
                    state=cast("State", row.state),
                    created_at=row.created_at,
                )
                for row in await connection.execute(query)
            )
