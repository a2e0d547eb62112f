"""Who asks: the visitor of a request, what they may do, and that their own pages sent it (CSRF)."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from ivr.console.parts import parts_of
from policy_db.users import User, UserSession

COOKIE: Final = "hotline_session"
CSRF_HEADER: Final = "x-csrf-token"
CSRF_FIELD: Final = "csrf"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Visitor:
    """Someone who is signed in."""

    user: User
    csrf: str
    session: str = ""

    @property
    def name(self) -> str:
        """The user name."""
        return self.user.name

    @property
    def who(self) -> str:
        """As the audit names them."""
        return f"staff:{self.user.name}"

    @property
    def seat(self) -> str | None:
        """The seat they sit at, if they have one."""
        return self.user.seat

    def has(self, *roles: str) -> bool:
        """Whether they have one of the roles; an administrator does not by that alone have the others."""
        return bool(set(roles) & set(self.user.roles))


class NotSignedInError(Exception):
    """Nobody is signed in: pages lead to the sign-in, the API answers 401."""


class ForbiddenError(Exception):
    """The visitor's roles do not allow it."""


class ForgedError(Exception):
    """The request does not come from a page of ours."""


async def visitor_of(connection: HTTPConnection) -> Visitor | None:
    """Who is signed in, None if nobody is. Looked up once for each request."""
    if not hasattr(connection.state, "visitor"):
        token = connection.cookies.get(COOKIE, "")
        session = await parts_of(connection).database.users.session(token) if token else None
        connection.state.visitor = None if session is None else _visitor(session)
    visitor: Visitor | None = connection.state.visitor
    return visitor


def require(*roles: str) -> Callable[[Request], Awaitable[Visitor]]:
    """A dependency: the visitor, who has one of the roles (any role, if none is named).

    Raises NotSignedInError, ForbiddenError, or for a change that no page of ours sent ForgedError.
    """

    async def dependency(request: Request) -> Visitor:
        visitor = await visitor_of(request)
        if visitor is None:
            raise NotSignedInError
        if request.method not in _SAFE:
            await check_csrf(request, visitor)
        if roles and not visitor.has(*roles):
            raise ForbiddenError
        return visitor

    return dependency


async def check_csrf(request: Request, visitor: Visitor) -> None:
    """Raises ForgedError unless the session's own token came with the request."""
    brought = request.headers.get(CSRF_HEADER, "")
    if not brought and "form" in request.headers.get("content-type", ""):
        brought = str((await request.form()).get(CSRF_FIELD, ""))
    if not hmac.compare_digest(brought.encode(), visitor.csrf.encode()):
        raise ForgedError


def sign_in_path(request: Request) -> str:
    """The sign-in that leads back to the page that was asked for."""
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"/sign-in?next={quote(back, safe='')}"


def _visitor(session: UserSession) -> Visitor:
    return Visitor(session.user, session.csrf, session.id)


Anyone = Annotated[Visitor, Depends(require())]
Seat = Annotated[Visitor, Depends(require("seat", "manager"))]
Reviewer = Annotated[Visitor, Depends(require("reviewer", "manager"))]
Manager = Annotated[Visitor, Depends(require("manager"))]
Administrator = Annotated[Visitor, Depends(require("administrator"))]
