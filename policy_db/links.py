"""Links that are sent to people: an address that nobody can guess, and a code that is told another way.

Token and code follow from the link's id by the key of the database, so a message that is sent again has the same ones,
and neither stands in the database: the token is found by its hash. A code has six digits; after five wrong answers a
link rests for a quarter of an hour, after fifteen it is over, so that a guess succeeds once in 66,000 links.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, or_, select, update

from policy_db.clock import Clock
from policy_db.keys import Keys
from policy_db.link_facts import Link, NewLink, Opening
from policy_db.store import AnyRow, Store
from policy_db.tables import LinkRow
from policy_db.writes import insert

TRIES_AT_ONCE: Final = 5
MOST_TRIES: Final = 15
REST: Final = timedelta(minutes=15)
_TOKEN_BYTES: Final = 24
_TAKEN: Final = frozenset({"document_id", "token_hash", "call_id"})


class Links:
    """Makes links, finds them, and takes answers."""

    def __init__(self, store: Store, clock: Clock, keys: Keys) -> None:
        self._store = store
        self._clock = clock
        self._keys = keys

    def token(self, link: str) -> str:
        """The end of a link's address: 24 bytes, written in 32 letters."""
        return base64.urlsafe_b64encode(self._keys.digest("link", link)[:_TOKEN_BYTES]).decode()

    def code(self, link: str) -> str:
        """The six digits that open a link."""
        return f"{int.from_bytes(self._keys.digest('link-code', link)[:8]) % 1_000_000:06}"

    async def add(self, new: NewLink) -> Link:
        """Make a link; the same id again gives the link that there is."""
        statement: Any = insert(self._store, LinkRow).values(
            id=new.id,
            token_hash=_hash(self.token(new.id)),
            kind=new.kind,
            asks=new.asks,
            document_id=new.document,
            claim=new.claim,
            policy=new.policy,
            customer=new.customer,
            call_id=new.call,
            language=new.language,
            facts=dict(new.facts),
            tries=0,
            expires_at=new.expires_at,
            created_at=self._clock(),
        )
        async with self._store.writing() as connection:
            await connection.execute(statement.on_conflict_do_nothing())
            query = select(*LinkRow.__table__.columns).where(LinkRow.id == new.id)
            return _link((await connection.execute(query)).one())

    async def find(self, token: str) -> Link | None:
        """The link of a token, also when its time is over."""
        return await self._one(LinkRow.token_hash == _hash(token))

    async def by_id(self, link: str) -> Link | None:
        """The link of an id."""
        return await self._one(LinkRow.id == link)

    async def open_with_code(self, link: Link, answer: str) -> Opening:
        """Take a code. Every answer counts before it is looked at."""
        opening = await self._try(link)
        if opening != "right":
            return opening
        if not hmac.compare_digest(self.code(link.id).encode(), answer.encode()):
            return "wrong"
        await self.opened(link)
        return "right"

    async def opened(self, link: Link) -> None:
        """It was opened by the right answer: earlier wrong ones are forgotten."""
        change = update(LinkRow).where(LinkRow.id == link.id)
        async with self._store.writing() as connection:
            await connection.execute(
                change.values(
                    tries=0, locked_until=None, opened_at=func.coalesce(LinkRow.opened_at, self._clock())
                )
            )

    async def prolong(self, document: str, until: datetime) -> None:
        """The links to a document that is sent again are good until then, with all their tries."""
        change = update(LinkRow).where(LinkRow.document_id == document)
        async with self._store.writing() as connection:
            await connection.execute(change.values(expires_at=until, tries=0, locked_until=None))

    async def _try(self, link: Link) -> Opening:
        now = self._clock()
        free = or_(LinkRow.locked_until.is_(None), LinkRow.locked_until <= now)
        take = (
            update(LinkRow)
            .where(LinkRow.id == link.id, LinkRow.expires_at > now, LinkRow.tries < MOST_TRIES, free)
            .values(tries=LinkRow.tries + 1)
            .returning(LinkRow.tries)
        )
        async with self._store.writing(f"link:{link.id}") as connection:
            tries = (await connection.execute(take)).scalar()
            if tries is not None and tries % TRIES_AT_ONCE == 0:
                rest = update(LinkRow).where(LinkRow.id == link.id).values(locked_until=now + REST)
                await connection.execute(rest)
        if tries is not None:
            return "right"
        known = await self.by_id(link.id)
        gone = known is None or known.expires_at <= now or known.tries >= MOST_TRIES
        return "over" if gone else "locked"

    async def _one(self, condition: Any) -> Link | None:
        query = select(*LinkRow.__table__.columns).where(condition)
        async with self._store.reading() as connection:
            row = (await connection.execute(query)).first()
        return None if row is None else _link(row)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _link(row: AnyRow) -> Link:
    values = {name: value for name, value in row._mapping.items() if name not in _TAKEN}
    return Link(**values, document=row.document_id)
