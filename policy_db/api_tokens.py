"""Keys by which programs use the API for a user; each is named, ends by itself, and can be taken back."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from policy_db.clock import Clock
from policy_db.store import AnyRow, Store
from policy_db.tables import ApiTokenRow, UserRow
from policy_db.user_facts import ApiToken, User, UserProblemError, hashed_token, user_of
from policy_db.writes import insert

#: By which a token is known for what it is, for instance by programs that look for leaked secrets.
PREFIX: Final = "hotline_"
MOST_DAYS: Final = 366
MOST_TOKENS: Final = 20
_USED_EVERY: Final = timedelta(minutes=1)


class ApiTokens:
    """The tokens of every user."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def add(self, user: User, name: str, days: int) -> tuple[ApiToken, str]:
        """A new token that ends after so many days, and its text, which is not kept.

        Raises UserProblemError for no name, too many days, or too many tokens.
        """
        if not name.strip() or len(name) > 100:
            raise UserProblemError("token_name", "A token has a name of 1 to 100 characters.")
        if not 1 <= days <= MOST_DAYS:
            raise UserProblemError(
                "token_days", f"A token is good for 1 to {MOST_DAYS} days.", most=MOST_DAYS
            )
        text, now = PREFIX + secrets.token_urlsafe(32), self._clock()
        ends = now + timedelta(days=days)
        hint = text[: len(PREFIX) + 4]
        added = insert(self._store, ApiTokenRow).values(
            user_id=user.id,
            name=name.strip(),
            hash=hashed_token(text),
            hint=hint,
            created_at=now,
            expires_at=ends,
            used_at=None,
        )
        mine = select(func.count()).select_from(ApiTokenRow).where(ApiTokenRow.user_id == user.id)
        async with self._store.writing(f"tokens of {user.id}") as connection:
            await connection.execute(delete(ApiTokenRow).where(ApiTokenRow.expires_at < now))
            if (await connection.execute(mine)).scalar_one() >= MOST_TOKENS:
                raise UserProblemError(
                    "token_many", f"A user has at most {MOST_TOKENS} tokens.", most=MOST_TOKENS
                )
            number = (await connection.execute(added.returning(ApiTokenRow.id))).scalar_one()
        return ApiToken(number, name.strip(), hint, now, ends, None), text

    async def of(self, user: User) -> tuple[ApiToken, ...]:
        """The user's tokens that are good, the newest first."""
        query = (
            select(*ApiTokenRow.__table__.columns)
            .where(ApiTokenRow.user_id == user.id, ApiTokenRow.expires_at > self._clock())
            .order_by(ApiTokenRow.id.desc())
        )
        async with self._store.reading() as connection:
            return tuple(_token(row) for row in await connection.execute(query))

    async def revoke(self, user: User, number: int) -> bool:
        """Take one of the user's tokens back; whether there was one."""
        statement = delete(ApiTokenRow).where(ApiTokenRow.id == number, ApiTokenRow.user_id == user.id)
        async with self._store.writing() as connection:
            return bool((await connection.execute(statement)).rowcount)

    async def revoke_all(self, connection: AsyncConnection, user_id: int) -> None:
        """Take back every token of a user."""
        await connection.execute(delete(ApiTokenRow).where(ApiTokenRow.user_id == user_id))

    async def holder(self, text: str) -> User | None:
        """Whose token this is, if it is good and they are not disabled."""
        now = self._clock()
        query = (
            select(*UserRow.__table__.columns, ApiTokenRow.id.label("token"), ApiTokenRow.used_at)
            .select_from(ApiTokenRow)
            .join(UserRow, UserRow.id == ApiTokenRow.user_id)
            .where(ApiTokenRow.hash == hashed_token(text), ApiTokenRow.expires_at > now)
        )
        async with self._store.reading() as connection:
            row = (await connection.execute(query)).first()
        if row is None or row.disabled:
            return None
        if row.used_at is None or now - row.used_at > _USED_EVERY:
            used = update(ApiTokenRow).where(ApiTokenRow.id == row.token).values(used_at=now)
            async with self._store.writing() as connection:
                await connection.execute(used)
        return user_of(row)


def _token(row: AnyRow) -> ApiToken:
    return ApiToken(row.id, row.name, row.hint, row.created_at, row.expires_at, row.used_at)
