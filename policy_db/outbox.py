"""Messages that somebody asked for and that are to be sent: put once, taken by one sender at a time, tried again."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import or_, select, update

from policy_db.clock import Clock
from policy_db.outreach_facts import NewMessage, OutboxMessage
from policy_db.store import AnyRow, Store
from policy_db.tables import OutboxRow
from policy_db.writes import insert

#: The problem of a message that was given to whoever carries it, and of which no answer is known yet.
HANDED_OVER: Final = "handed_over"
_COLUMNS: Final = tuple(one for one in OutboxRow.__table__.columns if one.name != "until")


class Outbox:
    """The store of messages that wait to be sent."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def put(self, message: NewMessage, *, after: datetime | None = None) -> OutboxMessage:
        """Ask for a message, to go no earlier than `after`; the same key again gives the message that there is."""
        now = self._clock()
        values = asdict(message) | {
            "state": "queued",
            "tries": 0,
            "next_at": now if after is None else max(now, after),
            "created_at": now,
            "problem": "",
        }
        statement: Any = insert(self._store, OutboxRow).values(values).on_conflict_do_nothing()
        async with self._store.writing() as connection:
            await connection.execute(statement)
            query = select(*_COLUMNS).where(OutboxRow.key == message.key)
            return _message((await connection.execute(query)).one())

    async def take(
        self, *, limit: int = 20, lease: timedelta = timedelta(minutes=2), channels: tuple[str, ...] = ()
    ) -> tuple[OutboxMessage, ...]:
        """Messages that are due, for this process to send within `lease`; after that another may."""
        now = self._clock()
        due = or_(
            (OutboxRow.state == "queued") & (OutboxRow.next_at <= now),
            (OutboxRow.state == "sending") & (OutboxRow.until < now),
        )
        wanted = select(OutboxRow.id).where(due, *([OutboxRow.channel.in_(channels)] if channels else []))
        async with self._store.writing("outbox") as connection:
            ids = (await connection.execute(wanted.order_by(OutboxRow.next_at).limit(limit))).scalars().all()
            taken = await connection.execute(
                update(OutboxRow)
                .where(OutboxRow.id.in_(ids))
                .values(state="sending", until=now + lease, tries=OutboxRow.tries + 1)
                .returning(*_COLUMNS)
            )
            return tuple(sorted((_message(row) for row in taken), key=lambda one: one.id))

    async def handing(self, message: int) -> None:
        """It is handed over now; should this process die, it may have gone out or not."""
        await self._change(message, problem=HANDED_OVER)

    async def again(self, key: str) -> bool:
        """Send a message once more, as if it were new; false where there is none, or it is on its way."""
        now = self._clock()
        query = select(OutboxRow.id, OutboxRow.facts).where(
            OutboxRow.key == key, OutboxRow.state.in_(("sent", "failed"))
        )
        async with self._store.writing(f"outbox:{key}") as connection:
            row = (await connection.execute(query)).first()
            if row is None:
                return False
            facts = {**row.facts, "again": int(row.facts.get("again", 0)) + 1}
            change = update(OutboxRow).where(OutboxRow.id == row.id)
            await connection.execute(
                change.values(state="queued", tries=0, next_at=now, until=None, problem="", facts=facts)
            )
        return True

    async def keys_to(self, address: str, since: datetime, limit: int) -> tuple[str, ...]:
        """The keys of messages to an address since a moment, so many at most."""
        query = select(OutboxRow.key).where(OutboxRow.address == address, OutboxRow.created_at >= since)
        async with self._store.reading() as connection:
            return tuple((await connection.execute(query.limit(limit))).scalars())

    async def by_key(self, *keys: str) -> dict[str, OutboxMessage]:
        """The messages with these keys."""
        query = select(*_COLUMNS).where(OutboxRow.key.in_(keys))
        async with self._store.reading() as connection:
            return {row.key: _message(row) for row in await connection.execute(query)}

    async def sent(self, message: int) -> None:
        """It has gone out."""
        await self._change(message, state="sent", sent_at=self._clock(), until=None, problem="")

    async def failed(self, message: int, problem: str, *, again_at: datetime | None) -> None:
        """It could not be sent; it is tried again at a moment, or never."""
        state = "failed" if again_at is None else "queued"
        later = {} if again_at is None else {"next_at": again_at}
        await self._change(message, state=state, until=None, problem=problem[:500], **later)

    async def of_customer(self, customer: str, limit: int = 50) -> tuple[OutboxMessage, ...]:
        """Messages to a customer, the newest first."""
        query = select(*_COLUMNS).where(OutboxRow.customer == customer)
        async with self._store.reading() as connection:
            rows = await connection.execute(query.order_by(OutboxRow.id.desc()).limit(limit))
            return tuple(_message(row) for row in rows)

    async def _change(self, message: int, **values: Any) -> None:
        async with self._store.writing() as connection:
            await connection.execute(update(OutboxRow).where(OutboxRow.id == message).values(values))


def _message(row: AnyRow) -> OutboxMessage:
    return OutboxMessage(**row._mapping)
