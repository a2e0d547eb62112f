"""Who is signed in to the console. A session's token is kept as its hash alone."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.clock import Clock
from policy_db.passwords import PasswordRules
from policy_db.store import AnyRow, Store
from policy_db.tables import UserRow, UserSessionRow
from policy_db.user_facts import User, UserSession, hashed_token, user_of
from policy_db.writes import insert

#: A session in use is written to once in so long, not with every request.
_SEEN_EVERY: Final = timedelta(seconds=60)
_SESSION: Final = (
    *UserRow.__table__.columns,
    UserSessionRow.id.label("session_id"),
    UserSessionRow.csrf,
    UserSessionRow.address,
    UserSessionRow.agent,
    UserSessionRow.method,
    UserSessionRow.seen_at,
    UserSessionRow.expires_at,
    UserSessionRow.created_at.label("began_at"),
)


class UserSessions:
    """Sessions: begun, looked up with every request, and ended."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def start(
        self, user: User, rules: PasswordRules, *, address: str, agent: str, method: str, instead_of: str
    ) -> str:
        """Sign the user in; the token for their browser. The session `instead_of` (a token) ends."""
        token, now = secrets.token_urlsafe(32), self._clock()
        statement = insert(self._store, UserSessionRow).values(
            id=hashed_token(token),
            user_id=user.id,
            csrf=secrets.token_urlsafe(24),
            address=address[:64],
            agent=agent[:200],
            method=method,
            created_at=now,
            seen_at=now,
            expires_at=now + rules.longest,
        )
        seen = update(UserRow).where(UserRow.id == user.id).values(signed_in_at=now)
        async with self._store.writing() as connection:
            await connection.execute(delete(UserSessionRow).where(UserSessionRow.expires_at < now))
            if instead_of:
                await connection.execute(_named(hashed_token(instead_of)))
            await connection.execute(statement)
            await connection.execute(seen)
        return token

    async def find(self, token: str, rules: PasswordRules) -> UserSession | None:
        """Who holds this token, if their session goes on; being asked for prolongs it."""
        now = self._clock()
        row = await self._row(UserSessionRow.id == hashed_token(token))
        if row is None or row.disabled or not _goes_on(row, rules, now):
            return None
        if now - row.seen_at > _SEEN_EVERY:
            seen = update(UserSessionRow).where(UserSessionRow.id == row.session_id).values(seen_at=now)
            async with self._store.writing() as connection:
                await connection.execute(seen)
        return _session(row)

    async def of(self, user: User, rules: PasswordRules) -> tuple[UserSession, ...]:
        """The sessions of a user that go on, the latest used first."""
        query = (
            select(*_SESSION)
            .select_from(UserSessionRow)
            .join(UserRow, UserRow.id == UserSessionRow.user_id)
            .where(UserSessionRow.user_id == user.id)
            .order_by(UserSessionRow.seen_at.desc())
        )
        now = self._clock()
        async with self._store.reading() as connection:
            rows = await connection.execute(query)
            return tuple(_session(row) for row in rows if _goes_on(row, rules, now))

    async def end(self, token: str) -> None:
        """Sign out."""
        async with self._store.writing() as connection:
            await connection.execute(_named(hashed_token(token)))

    async def end_one(self, user: User, session: str) -> bool:
        """End one session of the user by its id; whether there was one."""
        async with self._store.writing() as connection:
            ended = await connection.execute(_named(session).where(UserSessionRow.user_id == user.id))
            return bool(ended.rowcount)

    async def end_all(self, connection: AsyncConnection, user_id: int, *, but: str = "") -> int:
        """End the sessions of a user, all or but one (by id); how many."""
        statement = delete(UserSessionRow).where(UserSessionRow.user_id == user_id, UserSessionRow.id != but)
        return int((await connection.execute(statement)).rowcount)

    async def _row(self, condition: Any) -> AnyRow | None:
        query = (
            select(*_SESSION).select_from(UserSessionRow).join(UserRow, UserRow.id == UserSessionRow.user_id)
        )
        async with self._store.reading() as connection:
            return (await connection.execute(query.where(condition))).first()


def _named(session: str) -> Any:
    return delete(UserSessionRow).where(UserSessionRow.id == session)


def _goes_on(row: AnyRow, rules: PasswordRules, now: datetime) -> bool:
    return bool(row.expires_at > now and row.seen_at + rules.idle > now)


def _session(row: AnyRow) -> UserSession:
    return UserSession(
        user=user_of(row),
        id=row.session_id,
        csrf=row.csrf,
        created_at=row.began_at,
        seen_at=row.seen_at,
        expires_at=row.expires_at,
        address=row.address,
        agent=row.agent,
        method=row.method,
    )
