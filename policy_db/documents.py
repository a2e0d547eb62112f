"""Documents made for policyholders: what is in them, whether they went out, and letters that wait for the post."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from sqlalchemy import Select, or_, select, update

from policy_db.clock import Clock
from policy_db.errors import ConflictError, NotFoundError
from policy_db.facts import Document
from policy_db.keys import Keys
from policy_db.link_facts import PostBatch
from policy_db.store import AnyRow, Store
from policy_db.tables import CustomerRow, DocumentContentRow, DocumentRow, OutboxRow, PolicyRow, PostBatchRow
from policy_db.writes import insert

State = Literal["queued", "sent", "failed"]
_TAKEN: Final = frozenset({"policy_id", "call_id"})
_QUERY: Final[Select[Any]] = select(
    *DocumentRow.__table__.columns, PolicyRow.number.label("policy")
).outerjoin(PolicyRow, PolicyRow.id == DocumentRow.policy_id)


def outbox_key(document: str) -> str:
    """The key of the message in the outbox that carries a document."""
    return f"document:{document}"


class Documents:
    """Add documents and follow them on their way."""

    def __init__(self, store: Store, clock: Clock, keys: Keys) -> None:
        self._store = store
        self._clock = clock
        self._keys = keys

    async def add(
        self,
        document: str,
        *,
        kind: str,
        file: str = "",
        policy: str | None = None,
        call: str = "",
        language: str = "",
        channel: str = "",
        customer: str = "",
        claim: str = "",
        facts: Mapping[str, Any] | None = None,
        made_by: str = "",
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
            customer=customer,
            claim=claim,
            facts=dict(facts or {}),
            problem="",
            made_by=made_by,
        )
        async with self._store.writing() as connection:
            await connection.execute(statement.on_conflict_do_nothing())

    async def mark(self, document: str, state: State, problem: str = "") -> None:
        """Note that it was sent, failed, or waits again, and what the trouble is. Raises NotFoundError."""
        values: dict[str, Any] = {"state": state, "problem": problem[:200]}
        if state == "sent":
            values["sent_at"] = self._clock()
        change = update(DocumentRow).where(DocumentRow.id == document).values(values)
        async with self._store.writing() as connection:
            if (await connection.execute(change)).rowcount == 0:
                raise NotFoundError(f"There is no document {document}.")

    async def find(self, document: str) -> Document | None:
        """The document of that id."""
        return next(iter(await self._where(_QUERY.where(DocumentRow.id == document))), None)

    async def of_policy(self, policy: str) -> tuple[Document, ...]:
        """The documents of a policy, the oldest first."""
        query = _QUERY.where(PolicyRow.number == policy)
        return await self._where(query.order_by(DocumentRow.created_at, DocumentRow.id))

    async def listed(
        self,
        *,
        state: str = "",
        channel: str = "",
        customer: str = "",
        claim: str = "",
        policy: str = "",
        about: str = "",
        limit: int = 50,
        offset: int = 0,
    ) -> tuple[Document, ...]:
        """Documents, the newest first, as they are filtered; `about` is the number of a policy, claim or customer.

        Those of a `customer` are about them, or about a policy of theirs.
        """
        query = _QUERY
        for column, value in (
            (DocumentRow.state, state),
            (DocumentRow.channel, channel),
            (DocumentRow.claim, claim),
            (PolicyRow.number, policy),
        ):
            if value:
                query = query.where(column == value)
        if customer:
            theirs = select(PolicyRow.id).join(CustomerRow).where(CustomerRow.number == customer)
            query = query.where(or_(DocumentRow.customer == customer, DocumentRow.policy_id.in_(theirs)))
        if about:
            numbers = (PolicyRow.number, DocumentRow.claim, DocumentRow.customer)
            query = query.where(or_(*(column == about for column in numbers)))
        query = query.order_by(DocumentRow.created_at.desc(), DocumentRow.id.desc())
        return await self._where(query.limit(limit).offset(offset))

    # What is in it

    async def keep_content(self, document: str, pdf: bytes) -> bytes:
        """Keep the PDF of a document, encrypted; whoever comes second is given the first one's."""
        statement: Any = insert(self._store, DocumentContentRow).values(
            document_id=document,
            cipher=self._keys.seal(pdf, f"document:{document}"),
            size=len(pdf),
            made_at=self._clock(),
        )
        async with self._store.writing() as connection:
            added = await connection.execute(statement.on_conflict_do_nothing())
        return pdf if added.rowcount else (await self.content(document) or pdf)

    async def content(self, document: str) -> bytes | None:
        """The PDF of a document as it was made, if it was."""
        query = select(DocumentContentRow.cipher).where(DocumentContentRow.document_id == document)
        async with self._store.reading() as connection:
            cipher = (await connection.execute(query)).scalar()
        return None if cipher is None else self._keys.open(cipher, f"document:{document}")

    # Letters

    async def letters(self, limit: int = 200) -> tuple[Document, ...]:
        """Letters that wait for the printer, the oldest first."""
        query = _QUERY.where(
            DocumentRow.channel == "post", DocumentRow.state == "queued", DocumentRow.batch.is_(None)
        )
        return await self._where(query.order_by(DocumentRow.created_at, DocumentRow.id).limit(limit))

    async def make_batch(self, documents: Sequence[str], who: str) -> PostBatch:
        """Put letters that wait into one batch. Raises ConflictError where none of them waits any more."""
        waiting = (
            DocumentRow.id.in_(documents) & DocumentRow.batch.is_(None) & (DocumentRow.state == "queued")
        )
        async with self._store.writing("post batch") as connection:
            ids = (await connection.execute(select(DocumentRow.id).where(waiting))).scalars().all()
            if not ids:
                raise ConflictError("Somebody else has printed these letters.")
            made = insert(self._store, PostBatchRow).values(
                made_at=self._clock(), made_by=who, posted_by="", letters=len(ids)
            )
            row = (await connection.execute(made.returning(*PostBatchRow.__table__.columns))).one()
            change = update(DocumentRow).where(DocumentRow.id.in_(ids))
            await connection.execute(change.values(batch=row.id))
        return _batch(row)

    async def of_batch(self, batch: int) -> tuple[Document, ...]:
        """The letters of a batch in the order in which they are printed."""
        query = _QUERY.where(DocumentRow.batch == batch)
        return await self._where(query.order_by(DocumentRow.created_at, DocumentRow.id))

    async def batches(self, limit: int = 20) -> tuple[PostBatch, ...]:
        """Batches, the newest first."""
        query = select(*PostBatchRow.__table__.columns).order_by(PostBatchRow.id.desc()).limit(limit)
        async with self._store.reading() as connection:
            return tuple(_batch(row) for row in await connection.execute(query))

    async def posted(self, batch: int, who: str) -> int:
        """The letters of a batch went to the post; how many. Raises NotFoundError where it has gone or is none."""
        now = self._clock()
        mark = update(PostBatchRow).where(PostBatchRow.id == batch, PostBatchRow.posted_at.is_(None))
        async with self._store.writing("post batch") as connection:
            if (await connection.execute(mark.values(posted_at=now, posted_by=who))).rowcount == 0:
                raise NotFoundError(f"There is no batch {batch} that waits for the post.")
            query = select(DocumentRow.id).where(DocumentRow.batch == batch)
            ids = (await connection.execute(query)).scalars().all()
            of_these = update(DocumentRow).where(DocumentRow.id.in_(ids))
            await connection.execute(of_these.values(state="sent", sent_at=now, problem=""))
            messages = update(OutboxRow).where(OutboxRow.key.in_([outbox_key(one) for one in ids]))
            await connection.execute(messages.values(state="sent", sent_at=now))
        return len(ids)

    async def _where(self, query: Select[Any]) -> tuple[Document, ...]:
        async with self._store.reading() as connection:
            return tuple(_document(row) for row in await connection.execute(query))


def _document(row: AnyRow) -> Document:
    values = {name: value for name, value in row._mapping.items() if name not in _TAKEN}
    return Document(**values, call=row.call_id)


def _batch(row: AnyRow) -> PostBatch:
    return PostBatch(**row._mapping)
