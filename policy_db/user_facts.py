"""What is known of the console's users, their sessions and tokens; free of tables."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from policy_db.errors import BadValueError
from policy_db.store import AnyRow

ROLES: Final = ("seat", "reviewer", "manager", "administrator")


class UserProblemError(BadValueError):
    """Something about a user cannot be taken; `key` names why (`short`, `common`, `taken` …), for any language."""

    def __init__(self, key: str, message: str, **values: object) -> None:
        super().__init__(message)
        self.key = key
        self.values = values


@dataclass(frozen=True, slots=True)
class User:
    """A user, without their password. `subject` is their name at an identity provider, if they have one."""

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
    created_at: datetime
    signed_in_at: datetime | None
    has_password: bool
    subject: str | None


@dataclass(frozen=True, slots=True)
class UserSession:
    """Someone signed in: who, and the token that their forms must bring (CSRF). `id` is the hash of the session."""

    user: User
    id: str
    csrf: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    address: str = ""
    agent: str = ""
    method: str = "password"


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A program's key to the API, with the rights of its user. Its text is shown once; `hint` is how it begins."""

    id: int
    name: str
    hint: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


def plain_name(name: str) -> str:
    """A user name as it is kept: without blanks around it, in small letters."""
    return name.strip().casefold()


def check_roles(roles: tuple[str, ...]) -> None:
    """Raises BadValueError for a role that does not exist."""
    for role in roles:
        if role not in ROLES:
            raise UserProblemError(
                "role", f"There is no role {role}; the roles are {', '.join(ROLES)}.", role=role
            )


def hashed_token(token: str) -> str:
    """What is kept of a token: it has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def user_of(row: AnyRow) -> User:
    """The user of a row of `users`."""
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
        created_at=row.created_at,
        signed_in_at=row.signed_in_at,
        has_password=row.password_hash is not None,
        subject=row.subject,
    )
