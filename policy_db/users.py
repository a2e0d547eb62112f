"""Users of the console: who they are, what they may do, and how they prove it. Passwords are argon2 hashes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, String, cast, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from policy_db.api_tokens import ApiTokens
from policy_db.clock import Clock
from policy_db.keys import Keys
from policy_db.passwords import LEAST_PASSWORD, PasswordRules, check_password
from policy_db.sign_ins import SignIns
from policy_db.store import Store
from policy_db.tables import SalespersonRow, SeatRow, UserRow
from policy_db.user_facts import (
    ROLES,
    ApiToken,
    User,
    UserProblemError,
    UserSession,
    check_roles,
    hashed_token,
    plain_name,
    user_of,
)
from policy_db.user_sessions import UserSessions
from policy_db.writes import insert

__all__ = [
    "LEAST_PASSWORD",
    "ROLES",
    "ApiToken",
    "PasswordRules",
    "User",
    "UserProblemError",
    "UserSession",
    "Users",
    "hashed_token",
    "plain_name",
]

_NAME: Final = re.compile(r"[\w.@+-]{1,64}")


class Users:
    """Users, their passwords and sign-in. `sessions`, `tokens` and `sign_ins` hold what belongs to each."""

    def __init__(self, store: Store, clock: Clock, keys: Keys, rules: PasswordRules | None = None) -> None:
        self._store = store
        self._clock = clock
        self._given_rules = rules
        self.sessions = UserSessions(store, clock)
        self.tokens = ApiTokens(store, clock)
        self.sign_ins = SignIns(store, keys, clock)

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
        """A new user. Raises UserProblemError for a name that is taken, an unknown role, a weak password."""
        if not _NAME.fullmatch(plain_name(name)):
            raise UserProblemError(
                "user_name", "A user name has 1 to 64 letters, digits, dots, hyphens, + or @, and no blanks."
            )
        check_roles(roles)
        await self._check_places(seat, salesperson)
        hashed = None if password is None else await self._hash(password, name)
        now = self._clock()
        statement = insert(self._store, UserRow).values(
            name=plain_name(name),
            display=(display or name)[:100],
            email=email[:200],
            roles=list(roles),
            seat_id=seat,
            salesperson=salesperson,
            language=language,
            password_hash=hashed,
            subject=subject,
            disabled=False,
            must_change=must_change,
            created_at=now,
            password_at=now if hashed else None,
            signed_in_at=None,
        )
        async with self._store.writing() as connection:
            added = await connection.execute(statement.on_conflict_do_nothing().returning(UserRow.id))
            if added.first() is None:
                raise UserProblemError(
                    "taken", f"There is a user {plain_name(name)} already.", name=plain_name(name)
                )
        user = await self.find(name)
        assert user is not None  # noqa: S101 - just written
        return user

    # Who there is

    async def find(self, name: str) -> User | None:
        """The user of that name, in whatever letter case."""
        return await self._one(UserRow.name == plain_name(name))

    async def by_id(self, number: int) -> User | None:
        """The user of that row."""
        return await self._one(UserRow.id == number)

    async def by_subject(self, subject: str) -> User | None:
        """The user whom an identity provider knows by `subject`."""
        return await self._one(UserRow.subject == subject)

    async def all(self) -> tuple[User, ...]:
        """Every user, by name."""
        return await self.search(limit=100_000)

    async def search(
        self, words: str = "", *, role: str = "", state: str = "", limit: int = 50, offset: int = 0
    ) -> tuple[User, ...]:
        """Users by part of a name, e-mail or seat, by role and state (`active`, `disabled`), by name."""
        query = (
            select(*UserRow.__table__.columns)
            .where(*_conditions(words, role, state))
            .order_by(UserRow.name)
            .limit(limit)
            .offset(offset)
        )
        async with self._store.reading() as connection:
            return tuple(user_of(row) for row in await connection.execute(query))

    async def count(self, words: str = "", *, role: str = "", state: str = "") -> int:
        """How many there are of those that `search` finds."""
        query = select(func.count()).select_from(UserRow).where(*_conditions(words, role, state))
        async with self._store.reading() as connection:
            return int((await connection.execute(query)).scalar_one())

    # What is changed about them

    async def change(self, name: str, **values: Any) -> None:
        """Change columns of a user.

        display, email, roles, seat, salesperson, language, disabled, must_change, subject. Raises UserProblemError
        for a role or seat that does not exist, and where nobody would be left to administer.
        """
        if "roles" in values:
            check_roles(values["roles"])
            values["roles"] = list(values["roles"])
        await self._check_places(values.get("seat"), values.get("salesperson", ""))
        if "seat" in values:
            values["seat_id"] = values.pop("seat")
        try:
            async with self._store.writing("users") as connection:
                mine = UserRow.name == plain_name(name)
                known = (await connection.execute(select(UserRow.id, UserRow.roles).where(mine))).first()
                if known is None:
                    return
                number = known.id
                await connection.execute(update(UserRow).where(mine).values(**values))
                if values.get("disabled"):
                    await self.sessions.end_all(connection, number)
                    await self.tokens.revoke_all(connection, number)
                if "administrator" in known.roles and ("roles" in values or values.get("disabled")):
                    await self._keep_an_administrator(connection)
        except IntegrityError as error:
            raise UserProblemError(
                "subject", "Another user has that name at the identity provider."
            ) from error

    async def _check_places(self, seat: str | None, salesperson: str) -> None:
        """Raises UserProblemError for a seat or salesperson that does not exist."""
        async with self._store.reading() as connection:
            if (
                seat
                and (await connection.execute(select(SeatRow.id).where(SeatRow.id == seat))).first() is None
            ):
                raise UserProblemError("seat", f"There is no seat {seat}.", seat=seat)
            query = select(SalespersonRow.id).where(SalespersonRow.number == salesperson)
            if salesperson and (await connection.execute(query)).first() is None:
                raise UserProblemError(
                    "salesperson", f"There is no salesperson {salesperson}.", number=salesperson
                )

    async def _keep_an_administrator(self, connection: Any) -> None:
        """Raises UserProblemError if nobody could administer users any more; so the change is undone."""
        query = select(func.count()).select_from(UserRow)
        everybody = (await connection.execute(query)).scalar_one()
        left = (
            await connection.execute(query.where(*_conditions("", "administrator", "active")))
        ).scalar_one()
        if everybody and not left:
            raise UserProblemError("last", "Somebody must stay an administrator.")

    async def set_password(
        self, name: str, password: str, *, must_change: bool = False, revoke: bool = True
    ) -> None:
        """A new password; every session of the user ends, a hold-up is lifted, and with `revoke` their tokens end."""
        values: Mapping[str, Any] = {
            "password_hash": await self._hash(password, name),
            "password_at": self._clock(),
            "must_change": must_change,
        }
        async with self._store.writing() as connection:
            changed = update(UserRow).where(UserRow.name == plain_name(name)).values(**values)
            number = (await connection.execute(changed.returning(UserRow.id))).scalar()
            if number is not None:
                await self.sessions.end_all(connection, number)
                if revoke:
                    await self.tokens.revoke_all(connection, number)
        await self.sign_ins.unlock(name)

    async def end_sessions(self, user: User, *, but: str = "") -> int:
        """End every session of a user, or every one but that (by id); how many ended."""
        async with self._store.writing() as connection:
            return await self.sessions.end_all(connection, user.id, but=but)

    # Signing in

    async def check(self, name: str, password: str, *, address: str = "", device: str = "") -> User | None:
        """The user, if the password is right and nothing forbids it. Every no takes as long and looks the same.

        `device` is the mark that an earlier sign-in left on this device (`sign_ins.device_mark`).
        """
        begun = await self.sign_ins.begin(self.rules, name, address=address, mark=device)
        query = select(*UserRow.__table__.columns).where(UserRow.name == plain_name(name)[:64])
        async with self._store.reading() as connection:
            row = (await connection.execute(query)).first()
        right = await self.rules.opens(None if row is None else row.password_hash, password)
        if row is None or row.disabled or not right or not begun.allowed:
            return None
        await self.sign_ins.passed(begun, name, mark=device)
        return user_of(row)

    async def knows_password(self, user: User, password: str) -> bool:
        """Whether it is the user's own password: for someone signed in who does something grave."""
        begun = await self.sign_ins.begin(
            self.rules, f"{user.name}\x00again", address=f"user {user.id}", mark=""
        )
        query = select(UserRow.password_hash).where(UserRow.id == user.id)
        async with self._store.reading() as connection:
            stored = (await connection.execute(query)).scalar()
        right = await self.rules.opens(stored, password) and begun.allowed
        if right:
            await self.sign_ins.passed(begun, f"{user.name}\x00again", mark="")
        return right

    async def start_session(
        self,
        user: User,
        *,
        address: str = "",
        agent: str = "",
        method: str = "password",
        instead_of: str = "",
    ) -> str:
        """Sign the user in; the token for their browser. The session `instead_of` (a token) ends."""
        return await self.sessions.start(
            user, self.rules, address=address, agent=agent, method=method, instead_of=instead_of
        )

    async def session(self, token: str) -> UserSession | None:
        """Who holds this token, if their session goes on; being asked for prolongs it."""
        return await self.sessions.find(token, self.rules)

    async def end_session(self, token: str) -> None:
        """Sign out."""
        await self.sessions.end(token)

    async def _one(self, condition: ColumnElement[bool]) -> User | None:
        async with self._store.reading() as connection:
            row = (await connection.execute(select(*UserRow.__table__.columns).where(condition))).first()
        return None if row is None else user_of(row)

    async def _hash(self, password: str, name: str) -> str:
        check_password(password, name)
        return await self.rules.hashed(password)


def _conditions(words: str, role: str, state: str) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if words:
        columns = (UserRow.name, UserRow.display, UserRow.email, UserRow.seat_id)
        conditions.append(or_(*(column.icontains(words, autoescape=True) for column in columns)))
    if role:
        conditions.append(cast(UserRow.roles, String).contains(f'"{role}"', autoescape=True))
    if state in ("active", "disabled"):
        conditions.append(UserRow.disabled.is_(state == "disabled"))
    return conditions
