"""Who asks: the visitor of a request, what they may do, and that their own pages sent it (CSRF)."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import quote, urlsplit

from fastapi import Depends, Request
from starlette.requests import HTTPConnection

from ivr.console.parts import parts_of
from policy_db.users import User, UserSession

COOKIE: Final = "hotline_session"
#: By https the browser itself sees to it that only this host sets the cookie, for all of it (RFC 6265bis, 4.1.3.2).
SECURE_COOKIE: Final = f"__Host-{COOKIE}"
CSRF_HEADER: Final = "x-csrf-token"
CSRF_FIELD: Final = "csrf"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
#: What someone who must choose a new password may still ask for.
_BEFORE_CHANGE: Final = frozenset({"/account/password", "/sign-out", "/language", "/api/me"})


@dataclass(frozen=True, slots=True)
class Visitor:
    """Someone who is signed in. `session` is the id of their session, empty for a program with an API token."""

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


class MustChangeError(Exception):
    """The visitor has to choose a password of their own first."""


def cookie_name(connection: HTTPConnection) -> str:
    """The name of the session's cookie: by https one that no other host can set."""
    return SECURE_COOKIE if is_secure(connection) else COOKIE


def is_secure(connection: HTTPConnection) -> bool:
    """Whether it came by https, here or at a trusted proxy."""
    return connection.url.scheme in ("https", "wss")


def session_token(connection: HTTPConnection) -> str:
    """The session's token as the browser brought it, or nothing."""
    return connection.cookies.get(cookie_name(connection), "")


async def visitor_of(connection: HTTPConnection) -> Visitor | None:
    """Who is signed in, None if nobody is. Looked up once for each request."""
    if not hasattr(connection.state, "visitor"):
        connection.state.visitor = await _look_up(connection)
    visitor: Visitor | None = connection.state.visitor
    return visitor


async def _look_up(connection: HTTPConnection) -> Visitor | None:
    """By API token where one is brought, whatever cookie comes with it; else by session."""
    users = parts_of(connection).database.users
    kind, _, text = connection.headers.get("authorization", "").partition(" ")
    if kind.casefold() == "bearer":
        holder = await users.tokens.holder(text.strip())
        return None if holder is None else Visitor(holder, "")
    token = session_token(connection)
    session = await users.session(token) if token else None
    return None if session is None else _visitor(session)


def require(*roles: str, in_person: bool = False) -> Callable[[Request], Awaitable[Visitor]]:
    """A dependency: the visitor, who has one of the roles (any role, if none is named).

    `in_person` asks for a session: no API token will do. Raises NotSignedInError, ForbiddenError, MustChangeError, or
    for a change that no page of ours sent ForgedError.
    """

    async def dependency(request: Request) -> Visitor:
        visitor = await visitor_of(request)
        if visitor is None:
            raise NotSignedInError
        if request.method not in _SAFE and visitor.session:
            await check_csrf(request, visitor)
        if (roles and not visitor.has(*roles)) or (in_person and not visitor.session):
            raise ForbiddenError
        if visitor.user.must_change and request.url.path not in _BEFORE_CHANGE:
            raise MustChangeError
        return visitor

    return dependency


async def check_csrf(request: Request, visitor: Visitor) -> None:
    """Raises ForgedError unless a page of ours sent this, with the session's own token."""
    check_origin(request)
    brought = request.headers.get(CSRF_HEADER, "")
    if not brought and "form" in request.headers.get("content-type", ""):
        brought = str((await request.form()).get(CSRF_FIELD, ""))
    if not hmac.compare_digest(brought.encode(), visitor.csrf.encode()):
        raise ForgedError


def check_origin(request: Request) -> None:
    """Raises ForgedError for a request that another site's page sent, as far as the browser says.

    `Sec-Fetch-Site` where there is one: browsers set it, and pages cannot. Else `Origin`, whose host must be ours.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise ForgedError
        return
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host", ""):
        raise ForgedError


def sign_in_path(request: Request) -> str:
    """The sign-in that leads back to the page that was asked for."""
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"/sign-in?next={quote(back, safe='')}"


def _visitor(session: UserSession) -> Visitor:
    return Visitor(session.user, session.csrf, session.id)


Anyone = Annotated[Visitor, Depends(require())]
InPerson = Annotated[Visitor, Depends(require(in_person=True))]
Seat = Annotated[Visitor, Depends(require("seat", "manager"))]
Reviewer = Annotated[Visitor, Depends(require("reviewer", "manager"))]
Manager = Annotated[Visitor, Depends(require("manager"))]
Administrator = Annotated[Visitor, Depends(require("administrator"))]
#: An administrator at a browser: for what must never be done by a token that leaked.
AdministratorInPerson = Annotated[Visitor, Depends(require("administrator", in_person=True))]
#: Who may read the audit.
Overseer = Annotated[Visitor, Depends(require("manager", "administrator"))]
