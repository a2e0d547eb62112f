"""Users of the console and their sessions. Passwords are argon2 hashes; a session's token is kept as its hash alone."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func, select, update

from policy_db.clock import Clock
from policy_db.errors import BadValueError
from policy_db.store import AnyRow, Store
from policy_db.tables.users import UserRow, UserSessionRow
from policy_db.writes import insert

ROLES: Final = ("seat", "reviewer", "manager", "administrator")
#: NIST SP 800-63B, section 5.1.1.2, asks for 8; ours is a system that holds people's policies.
LEAST_PASSWORD: Final = 10


@dataclass(frozen=True, slots=True)
class User:
    """A user, without their password."""

    id: int
    name: str
    display: str
    email: str
    roles: tuple[str, ...]
    seat: str | None
    salesperson: str
    language: str
    disabled: bool
    must_change: bool
    locked_until: datetime | None
    created_at: datetime
    has_password: bool
    subject: str | None


@dataclass(frozen=True, slots=True)
class UserSession:
    """Someone signed in: who, and the token that their forms must bring (CSRF). `id` is the hash of the session."""

    user: User
    id: str
    csrf: str
    created_at: datetime
    expires_at: datetime


class PasswordRules:
    """How passwords are hashed, and when a name is locked: after `tries` wrong ones, for `lock`."""

    def __init__(
        self,
        *,
        hasher: PasswordHasher | None = None,
        tries: int = 5,
        lock: timedelta = timedelta(minutes=15),
        idle: timedelta = timedelta(minutes=30),
        longest: timedelta = timedelta(hours=12),
    ) -> None:
        self.hasher = hasher or PasswordHasher()
        self.tries = tries
        self.lock = lock
        #: A session ends when nothing is asked for so long, and at the latest after `longest`.
        self.idle = idle
        self.longest = longest
        self.nobody = self.hasher.hash(secrets.token_hex(16))

    @classmethod
    def cheap(cls) -> PasswordRules:
        """Rules with the least cost argon2 allows, for tests."""
        return cls(hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


class Users:
    """Users, sign-in, sessions."""

    def __init__(self, store: Store, clock: Clock, rules: PasswordRules | None = None) -> None:
        self._store = store
        self._clock = clock
        self._given_rules = rules

    @property
    def rules(self) -> PasswordRules:
        """The rules; made at their first use, because hashing costs a moment."""
        if self._given_rules is None:
            self._given_rules = PasswordRules()
        return self._given_rules

    @rules.setter
    def rules(self, rules: PasswordRules) -> None:
        self._given_rules = rules

    async def add(
        self,
        name: str,
        *,
        password: str | None = None,
        roles: tuple[str, ...] = (),
        display: str = "",
        email: str = "",
        seat: str | None = None,
        salesperson: str = "",
        language: str = "",
        subject: str | None = None,
        must_change: bool = False,
    ) -> User:
        """A new user. Raises BadValueError for a name that is taken, an unknown role, a password too short."""
        if not name.strip() or len(name) > 64:
            raise BadValueError("A user name has 1 to 64 characters.")
        check_roles(roles)
        hashed = None if password is None else await self._hash(password)
        now = self._clock()
        statement = insert(self._store, UserRow).values(
            name=plain_name(name),
            display=display or name,
            email=email,
            roles=list(roles),
            seat_id=seat,
            salesperson=salesperson,
            language=language,
            password_hash=hashed,
            subject=subject,
            disabled=False,
            must_change=must_change,
            failures=0,
            locked_until=None,
            created_at=now,
            password_at=now if hashed else None,
        )
        async with self._store.writing() as connection:
            added = await connection.execute(statement.on_conflict_do_nothing().returning(UserRow.id))
            if added.first() is None:
                raise BadValueError(f"There is a user {plain_name(name)} already.")
        user = await self.find(name)
        assert user is not None  # noqa: S101 - just written
        return user

    async def find(self, name: str) -> User | None:
        """The user of that name, in whatever letter case."""
        return await self._one(UserRow.name == plain_name(name))

    async def by_subject(self, subject: str) -> User | None:
        """The user whom an identity provider knows by `subject`."""
        return await self._one(UserRow.subject == subject)

    async def all(self) -> tuple[User, ...]:
        """Every user, by name."""
        async with self._store.reading() as connection:
            rows = await connection.execute(select(*UserRow.__table__.columns).order_by(UserRow.name))
            return tuple(_user(row) for row in rows)

    async def count(self) -> int:
        """How many there are."""
        async with self._store.reading() as connection:
            return int((await connection.execute(select(func.count()).select_from(UserRow))).scalar_one())

    async def change(self, name: str, **values: Any) -> None:
        """Change columns of a user: display, email, roles, seat, salesperson, language, disabled, must_change."""
        if "roles" in values:
            check_roles(values["roles"])
            values["roles"] = list(values["roles"])
        if "seat" in values:
            values["seat_id"] = values.pop("seat")
        async with self._store.writing() as connection:
            await connection.execute(update(UserRow).where(UserRow.name == plain_name(name)).values(**values))
            if values.get("disabled"):
                await self._end_all(connection, name)

    async def set_password(self, name: str, password: str, *, must_change: bool = False) -> None:
        """A new password; every session of the user ends, and a lock is lifted."""
        values: Mapping[str, Any] = {
            "password_hash": await self._hash(password),
            "password_at": self._clock(),
            "must_change": must_change,
            "failures": 0,
            "locked_until": None,
        }
        async with self._store.writing() as connection:
            await connection.execute(update(UserRow).where(UserRow.name == plain_name(name)).values(**values))
            await self._end_all(connection, name)

    async def check(self, name: str, password: str) -> User | None:
        """The user, if the password is right and nothing forbids it; an unknown name takes as long as a wrong one."""
        now = self._clock()
        query = select(*UserRow.__table__.columns).where(UserRow.name == plain_name(name))
        async with self._store.reading() as connection:
            row = (await connection.execute(query)).first()
        stored = None if row is None else row.password_hash
        right = await asyncio.to_thread(self._opens, stored or self.rules.nobody, password)
        if row is None:
            return None
        if row.disabled or (row.locked_until is not None and row.locked_until > now):
            return None
        await self._counted(row.id, right and stored is not None, now)
        return _user(row) if right and stored is not None else None

    async def start_session(self, user: User, *, address: str = "", agent: str = "") -> str:
        """Sign the user in; the token for their browser."""
        token, now = secrets.token_urlsafe(32), self._clock()
        statement = insert(self._store, UserSessionRow).values(
            id=hashed_token(token),
            user_id=user.id,
            csrf=secrets.token_urlsafe(24),
            address=address[:64],
            agent=agent[:200],
            created_at=now,
            seen_at=now,
            expires_at=now + self.rules.longest,
        )
        async with self._store.writing() as connection:
            await connection.execute(delete(UserSessionRow).where(UserSessionRow.expires_at < now))
            await connection.execute(statement)
        return token

    async def session(self, token: str) -> UserSession | None:
        """Who holds this token, if their session goes on; being asked for prolongs it."""
        now = self._clock()
        query = (
            select(
                *UserRow.__table__.columns,
                UserSessionRow.csrf,
                UserSessionRow.seen_at,
                UserSessionRow.expires_at,
                UserSessionRow.created_at.label("began_at"),
            )
            .select_from(UserSessionRow)
            .join(UserRow, UserRow.id == UserSessionRow.user_id)
            .where(UserSessionRow.id == hashed_token(token))
        )
        async with self._store.reading() as connection:
            row = (await connection.execute(query)).first()
        if row is None or row.disabled or row.expires_at <= now or row.seen_at + self.rules.idle <= now:
            return None
        if now - row.seen_at > timedelta(seconds=60):
            await self._seen(token, now)
        return UserSession(_user(row), hashed_token(token), row.csrf, row.began_at, row.expires_at)

    async def end_session(self, token: str) -> None:
        """Sign out."""
        async with self._store.writing() as connection:
            await connection.execute(delete(UserSessionRow).where(UserSessionRow.id == hashed_token(token)))

    async def _seen(self, token: str, now: datetime) -> None:
        async with self._store.writing() as connection:
            await connection.execute(
                update(UserSessionRow).where(UserSessionRow.id == hashed_token(token)).values(seen_at=now)
            )

    async def _one(self, condition: Any) -> User | None:
        async with self._store.reading() as connection:
            row = (await connection.execute(select(*UserRow.__table__.columns).where(condition))).first()
        return None if row is None else _user(row)

    async def _counted(self, user: int, right: bool, now: datetime) -> None:
        """Forget failures, or count one more and lock when there are too many."""
        async with self._store.writing() as connection:
            if right:
                await connection.execute(
                    update(UserRow)
                    .where(UserRow.id == user, UserRow.failures > 0)
                    .values(failures=0, locked_until=None)
                )
                return
            counted = update(UserRow).where(UserRow.id == user).values(failures=UserRow.failures + 1)
            failures = (await connection.execute(counted.returning(UserRow.failures))).scalar_one()
            if failures >= self.rules.tries:
                locked = update(UserRow).where(UserRow.id == user)
                await connection.execute(locked.values(failures=0, locked_until=now + self.rules.lock))

    async def _end_all(self, connection: Any, name: str) -> None:
        mine = select(UserRow.id).where(UserRow.name == plain_name(name)).scalar_subquery()
        await connection.execute(delete(UserSessionRow).where(UserSessionRow.user_id == mine))

    async def _hash(self, password: str) -> str:
        if len(password) < LEAST_PASSWORD:
            raise BadValueError(f"A password has at least {LEAST_PASSWORD} characters.")
        if len(password) > 200:
            raise BadValueError("A password has at most 200 characters.")
        return await asyncio.to_thread(self.rules.hasher.hash, password)

    def _opens(self, stored: str, password: str) -> bool:
        try:
            return self.rules.hasher.verify(stored, password[:200])
        except (VerificationError, InvalidHashError):
            return False


def plain_name(name: str) -> str:
    """A user name as it is kept: without blanks around it, in small letters."""
    return name.strip().casefold()


def check_roles(roles: tuple[str, ...]) -> None:
    """Raises BadValueError for a role that does not exist."""
    for role in roles:
        if role not in ROLES:
            raise BadValueError(f"There is no role {role}; the roles are {', '.join(ROLES)}.")


def hashed_token(token: str) -> str:
    """What is kept of a token: it has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def _user(row: AnyRow) -> User:
    return User(
        id=row.id,
        name=row.name,
        display=row.display,
        email=row.email,
        roles=tuple(row.roles),
        seat=row.seat_id,
        salesperson=row.salesperson,
        language=row.language,
        disabled=row.disabled,
        must_change=row.must_change,
        locked_until=row.locked_until,
        created_at=row.created_at,
        has_password=row.password_hash is not None,
        subject=row.subject,
    )
