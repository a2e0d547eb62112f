"""Beginning a session in a browser: its cookies, its line in the audit, and where it leads."""

from __future__ import annotations

import hashlib
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from ivr.console.access import Visitor, cookie_name, is_secure, session_token
from ivr.console.parts import ConsoleParts
from policy_db.users import User, plain_name

#: How long a device is known as one that a user signs in from, in seconds.
_KNOWN: Final = 365 * 86_400
#: Where the first of a visitor's roles that stands here begins.
_STARTS: Final = (
    ("seat", "/seat"), ("manager", "/board"), ("reviewer", "/messages"), ("administrator", "/admin"),
)  # fmt: skip


async def signed_in(
    request: Request, parts: ConsoleParts, user: User, *, method: str, wanted: str
) -> Response:
    """Begin a session in place of the one there was, and lead on to the page that was wanted."""
    token = await parts.database.users.start_session(
        user,
        address=address_of(request),
        agent=request.headers.get("user-agent", ""),
        method=method,
        instead_of=session_token(request),
    )
    await parts.database.audit.add(f"staff:{user.name}", "signed_in", "console", {"by": method})
    reply = RedirectResponse("/account/password" if user.must_change else own_path(wanted), 303)
    set_session(request, reply, token)
    mark = parts.database.users.sign_ins.device_mark(user.name)
    reply.set_cookie(
        _device_cookie(user.name), mark, max_age=_KNOWN, path="/sign-in",
        httponly=True, samesite="lax", secure=is_secure(request),
    )  # fmt: skip
    return reply


def set_session(request: Request, reply: Response, token: str) -> None:
    """Give the browser the session's token; scripts never see it."""
    reply.set_cookie(
        cookie_name(request), token, httponly=True, samesite="lax", secure=is_secure(request), path="/"
    )


def forget_session(request: Request, reply: Response) -> None:
    """Take the token away from the browser."""
    reply.delete_cookie(
        cookie_name(request), path="/", httponly=True, samesite="lax", secure=is_secure(request)
    )


def device_of(request: Request, name: str) -> str:
    """The mark that an earlier sign-in of this user left on this device, if any."""
    return request.cookies.get(_device_cookie(name), "")


def _device_cookie(name: str) -> str:
    """Its name does not tell whose it is to anybody who looks over a shoulder."""
    return f"hotline_device_{hashlib.sha256(plain_name(name).encode()).hexdigest()[:12]}"


def address_of(request: Request) -> str:
    """Where the request came from, as far as the server and the proxies it trusts say."""
    return request.client.host if request.client else ""


def start_of(visitor: Visitor) -> str:
    """Where the visitor's work begins."""
    return next((path for role, path in _STARTS if visitor.has(role)), "/account")


def own_path(wanted: str) -> str:
    """A path on this site, never another site's address."""
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return "/"
    own = (
        not parts.scheme
        and not parts.netloc
        and wanted.startswith("/")
        and not wanted.startswith(("//", "/\\"))
        and wanted.isprintable()
    )
    return wanted if own else "/"
