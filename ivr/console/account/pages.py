"""Sign-in, sign-out, language, and where each role begins."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from ivr.console.access import COOKIE, Anyone, Visitor, visitor_of
from ivr.console.pages import LANGUAGE_COOKIE, render, text
from ivr.console.parts import Parts
from ivr.console.texts import chosen_language

router = APIRouter()
#: Where the first of a visitor's roles that stands here begins.
_STARTS = (("seat", "/seat"), ("manager", "/board"), ("reviewer", "/messages"), ("administrator", "/admin"))


@router.get("/")
async def start(request: Request, visitor: Anyone) -> Response:
    """The page that fits the visitor."""
    return RedirectResponse(start_of(visitor), 303)


@router.get("/sign-in")
async def sign_in_page(request: Request, next: str = "/") -> Response:  # noqa: A002 - the word in the address
    """The form, or on to the start for who is signed in already."""
    if await visitor_of(request) is not None:
        return RedirectResponse("/", 303)
    return render(request, None, "account/sign_in.html", next=own_path(next), wrong="")


@router.post("/sign-in")
async def sign_in(
    request: Request,
    parts: Parts,
    name: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=400)] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002 - the word in the form
) -> Response:
    """Sign in; every failure reads the same, whichever of name and password is wrong."""
    users = parts.database.users
    user = await users.check(name, password)
    address = request.client.host if request.client else ""
    if user is None:
        await parts.database.audit.add("system", "sign_in_failed", "console", {"address": address})
        wrong = text(request, None, "account.wrong")
        return render(request, None, "account/sign_in.html", status=401, next=own_path(next), wrong=wrong)
    token = await users.start_session(user, address=address, agent=request.headers.get("user-agent", ""))
    await parts.database.audit.add(f"staff:{user.name}", "signed_in", "console", {"address": address})
    reply = RedirectResponse(own_path(next), 303)
    reply.set_cookie(
        COOKIE, token, httponly=True, samesite="lax", secure=request.url.scheme == "https", path="/"
    )
    return reply


@router.post("/sign-out")
async def sign_out(request: Request, parts: Parts, visitor: Anyone) -> Response:
    """End the session."""
    await parts.database.users.end_session(request.cookies.get(COOKIE, ""))
    await parts.database.audit.add(visitor.who, "signed_out", "console")
    reply = RedirectResponse("/sign-in", 303)
    reply.delete_cookie(COOKIE, path="/")
    return reply


@router.get("/account")
async def account(request: Request, visitor: Anyone) -> Response:
    """Who one is here, and what one may do."""
    return render(request, visitor, "account/account.html")


@router.post("/language")
async def language(
    request: Request,
    language: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002 - the word in the form
) -> Response:
    """Choose the language on this device; harms nobody, so it needs no session."""
    reply = RedirectResponse(own_path(next), 303)
    reply.set_cookie(LANGUAGE_COOKIE, chosen_language(language), max_age=31_536_000, samesite="lax", path="/")
    return reply


def start_of(visitor: Visitor) -> str:
    """Where the visitor's work begins."""
    return next((path for role, path in _STARTS if visitor.has(role)), "/account")


def own_path(wanted: str) -> str:
    """A path on this site, never another site's address."""
    parts = urlsplit(wanted)
    own = (
        not parts.scheme
        and not parts.netloc
        and wanted.startswith("/")
        and not wanted.startswith(("//", "/\\"))
    )
    return wanted if own else "/"
