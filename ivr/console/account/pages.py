"""Sign-in, sign-out, language, and where each role begins."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from ivr.console.access import Anyone, check_origin, session_token, visitor_of
from ivr.console.account.signing import address_of, device_of, forget_session, own_path, signed_in, start_of
from ivr.console.pages import LANGUAGE_COOKIE, render, text
from ivr.console.parts import ConsoleParts, Parts
from ivr.console.texts import chosen_language

router = APIRouter()


@router.get("/")
async def start(request: Request, visitor: Anyone) -> Response:
    """The page that fits the visitor."""
    return RedirectResponse(start_of(visitor), 303)


@router.get("/sign-in")
async def sign_in_page(request: Request, parts: Parts, next: str = "/") -> Response:  # noqa: A002 - the address's word
    """The form, or on to the start for who is signed in already."""
    if await visitor_of(request) is not None:
        return RedirectResponse("/", 303)
    return await _form(request, parts, next)


@router.post("/sign-in")
async def sign_in(
    request: Request,
    parts: Parts,
    name: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=400)] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002 - the word in the form
) -> Response:
    """Sign in; every failure reads the same and takes as long, whatever was wrong."""
    check_origin(request)
    user = await parts.database.users.check(
        name, password, address=address_of(request), device=device_of(request, name)
    )
    if user is None:
        await parts.database.audit.add("system", "sign_in_failed", "console")
        return await _form(request, parts, next, wrong=text(request, None, "account.wrong"), status=401)
    return await signed_in(request, parts, user, method="password", wanted=next)


@router.post("/sign-out")
async def sign_out(request: Request, parts: Parts, visitor: Anyone) -> Response:
    """End the session."""
    await parts.database.users.end_session(session_token(request))
    await parts.database.audit.add(visitor.who, "signed_out", "console")
    reply = RedirectResponse("/sign-in", 303)
    forget_session(request, reply)
    return reply


@router.post("/language")
async def language(
    request: Request,
    language: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002 - the word in the form
) -> Response:
    """Choose the language on this device; harms nobody, so it needs no session."""
    reply = RedirectResponse(own_path(next), 303)
    set_language(reply, language)
    return reply


def set_language(reply: Response, language: str) -> None:
    """Remember the language on this device."""
    reply.set_cookie(LANGUAGE_COOKIE, chosen_language(language), max_age=31_536_000, samesite="lax", path="/")


async def _form(
    request: Request, parts: ConsoleParts, wanted: str, *, wrong: str = "", status: int = 200
) -> Response:
    settings = parts.settings
    return render(
        request,
        None,
        "account/sign_in.html",
        status=status,
        next=own_path(wanted),
        wrong=wrong,
        empty=not await parts.database.users.count(),
        provider=settings.oidc_title if settings.oidc_issuer else "",
    )
