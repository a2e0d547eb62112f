"""The API about oneself, users, and the audit."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from ivr.console.access import Administrator, Anyone, Overseer
from ivr.console.account.audit import wanted_from
from ivr.console.pages import language_of
from ivr.console.parts import Parts
from policy_db.users import User

router = APIRouter()


class Me(BaseModel):
    """Who the API takes the caller for."""

    name: str
    display: str
    roles: list[str]
    seat: str | None
    language: str
    must_change_password: bool


class UserOut(BaseModel):
    """A user of the console."""

    id: int
    name: str
    display: str
    email: str
    roles: list[str]
    seat: str | None
    salesperson: str
    disabled: bool
    created_at: datetime
    signed_in_at: datetime | None


class UsersOut(BaseModel):
    """A page of users, and how many there are in all."""

    total: int
    users: list[UserOut]


class AuditOut(BaseModel):
    """An entry of the audit."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    details: dict[str, Any]


class AuditPage(BaseModel):
    """Entries, the newest first; `older_than` asks for those after them, null when there are none."""

    entries: list[AuditOut]
    older_than: int | None


@router.get("/me")
async def me(request: Request, visitor: Anyone) -> Me:
    """Who is asking, and what they may do."""
    user = visitor.user
    return Me(
        name=user.name,
        display=user.display,
        roles=list(user.roles),
        seat=user.seat,
        language=language_of(request, visitor),
        must_change_password=user.must_change,
    )


@router.get("/users")
async def users(
    parts: Parts,
    visitor: Administrator,
    q: Annotated[str, Query(max_length=100)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> UsersOut:
    """The console's users, by name."""
    store = parts.database.users
    found = await store.search(_plain(q), limit=limit, offset=offset)
    return UsersOut(total=await store.count(_plain(q)), users=[_user(one) for one in found])


@router.get("/audit")
async def audit(
    parts: Parts,
    visitor: Overseer,
    actor: Annotated[str, Query(max_length=100)] = "",
    action: Annotated[str, Query(max_length=60)] = "",
    subject: Annotated[str, Query(max_length=100)] = "",
    since: date | None = None,
    until: date | None = None,
    older_than: Annotated[int | None, Query(ge=0, le=2**62)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> AuditPage:
    """Who did what: `actor` such as staff:mei, `subject` such as call:ID or call: for all of a kind; both days count."""
    wanted = wanted_from(parts, _plain(actor), _plain(action), _plain(subject), since, until)
    found = await parts.database.audit.search(wanted, older_than=older_than, limit=limit)
    entries = [
        AuditOut(
            id=one.id,
            at=one.entry.at,
            actor=one.entry.actor,
            action=one.entry.action,
            subject=one.entry.subject,
            details=one.entry.details,
        )
        for one in found
    ]
    return AuditPage(entries=entries, older_than=found[-1].id if len(found) == limit else None)


def _plain(words: str) -> str:
    """Without the NUL that PostgreSQL takes in no text."""
    return words.replace("\x00", "")


def _user(user: User) -> UserOut:
    return UserOut(
        id=user.id,
        name=user.name,
        display=user.display,
        email=user.email,
        roles=list(user.roles),
        seat=user.seat,
        salesperson=user.salesperson,
        disabled=user.disabled,
        created_at=user.created_at,
        signed_in_at=user.signed_in_at,
    )
