"""Notices to salespeople: which messages they have not been told of, and what they were told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, or_, select

from policy_db.messages import SALES_BOX
from policy_db.store import Store
from policy_db.tables import MessageRow, OutboxRow, RecordingRow

KINDS: Final = ("sales_message", "sales_lapse", "sales_list")


@dataclass(frozen=True, slots=True)
class UntoldMessage:
    """A message that its salesperson has not been told of."""

    recording: str
    salesperson: str
    caller: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class SalesNotice:
    """What a salesperson was told, or is to be."""

    kind: str
    channel: str
    state: str
    created_at: datetime
    sent_at: datetime | None
    problem: str


def notice_key(kind: str, salesperson: str, what: str) -> str:
    """The key that makes a notice one, however often it is asked for."""
    return f"{kind}:{salesperson}:{what}"[:100]


class SalesNotices:
    """Reads the outbox for salespeople."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def untold(self, since: datetime, *, limit: int = 200) -> tuple[UntoldMessage, ...]:
        """New messages since a moment that are in a salesperson's mailbox or given to one, and have no notice."""
        query = (
            select(
                MessageRow.recording_id, MessageRow.mailbox, MessageRow.salesperson, MessageRow.received_at,
                RecordingRow.caller,
            )
            .join(RecordingRow, RecordingRow.id == MessageRow.recording_id)
            .where(
                MessageRow.state == "new",
                MessageRow.received_at >= since,
                or_(
                    MessageRow.mailbox.startswith(SALES_BOX, autoescape=True), MessageRow.salesperson != ""
                ),
            )
            .order_by(MessageRow.received_at)
        )  # fmt: skip
        async with self._store.reading() as connection:
            rows = (await connection.execute(query)).all()
            found = [
                UntoldMessage(
                    row.recording_id, row.salesperson or row.mailbox.removeprefix(SALES_BOX), row.caller,
                    row.received_at,
                )
                for row in rows
            ]  # fmt: skip
            keys = [notice_key("sales_message", one.salesperson, one.recording) for one in found]
            known: set[str] = set()
            for start in range(0, len(keys), 500):
                part = select(OutboxRow.key).where(OutboxRow.key.in_(keys[start : start + 500]))
                known |= set((await connection.execute(part)).scalars())
        untold = (one for one, key in zip(found, keys, strict=True) if key not in known)
        return tuple(untold)[:limit]

    async def of(self, salesperson: str, *, limit: int = 20) -> tuple[SalesNotice, ...]:
        """What a salesperson was told, the latest first."""
        mine = [OutboxRow.key.startswith(f"{kind}:{salesperson}:", autoescape=True) for kind in KINDS]
        query = (
            select(
                OutboxRow.kind, OutboxRow.channel, OutboxRow.state, OutboxRow.created_at, OutboxRow.sent_at,
                OutboxRow.problem,
            )
            .where(OutboxRow.kind.in_(KINDS), or_(*mine))
            .order_by(OutboxRow.id.desc())
            .limit(limit)
        )  # fmt: skip
        async with self._store.reading() as connection:
            return tuple(SalesNotice(*row) for row in await connection.execute(query))

    async def waiting(self, salesperson: str) -> int:
        """Messages of a salesperson that nobody has listened to."""
        mine = or_(MessageRow.mailbox == f"{SALES_BOX}{salesperson}", MessageRow.salesperson == salesperson)
        query = select(func.count()).select_from(MessageRow).where(mine, MessageRow.state == "new")
        async with self._store.reading() as connection:
            return int((await connection.execute(query)).scalar_one())
