"""One's own account: name, language, password, and where one is signed in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from ivr.console.access import InPerson, Visitor
from ivr.console.account.pages import set_language
from ivr.console.account.signing import address_of, set_session, start_of
from ivr.console.account.words import done, problem, said
from ivr.console.audit import did
from ivr.console.pages import render, text
from ivr.console.parts import ConsoleParts, Parts
from ivr.console.texts import LANGUAGES
from policy_db.passwords import LEAST_PASSWORD
from policy_db.users import UserProblemError

router = APIRouter(prefix="/account")


@router.get("")
async def account(request: Request, parts: Parts, visitor: InPerson) -> Response:
    """Who one is here, what one may do, where one is signed in, one's tokens."""
    return await account_page(request, parts, visitor)


async def account_page(
    request: Request,
    parts: ConsoleParts,
    visitor: Visitor,
    *,
    wrong: str = "",
    token: str = "",
    status: int = 200,
) -> Response:
    """The page of one's account; `token` is a new token's text, shown this once."""
    users = parts.database.users
    return render(
        request,
        visitor,
        "account/account.html",
        status=status,
        sessions=await users.sessions.of(visitor.user, users.rules),
        tokens=await users.tokens.of(visitor.user),
        said=said(request, visitor),
        wrong=wrong,
        token=token,
    )


@router.post("")
async def save(
    request: Request,
    parts: Parts,
    visitor: InPerson,
    display: Annotated[str, Form(max_length=100)] = "",
    language: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Change how one is called and spoken to."""
    chosen = language if language in LANGUAGES else ""
    await parts.database.users.change(
        visitor.name, display=display.strip() or visitor.user.display, language=chosen
    )
    reply = done("/account", "saved")
    if chosen:
        set_language(reply, chosen)
    return reply


@router.get("/password")
async def password_page(request: Request, visitor: InPerson) -> Response:
    """The form for a new password."""
    return _password_page(request, visitor)


@router.post("/password")
async def change_password(
    request: Request,
    parts: Parts,
    visitor: InPerson,
    old: Annotated[str, Form(max_length=400)] = "",
    new: Annotated[str, Form(max_length=400)] = "",
    again: Annotated[str, Form(max_length=400)] = "",
) -> Response:
    """A new password: every session ends, and this browser gets another."""
    users = parts.database.users
    if visitor.user.has_password and not await users.knows_password(visitor.user, old):
        return _password_page(request, visitor, text(request, visitor, "user_problem.old"))
    if new != again:
        return _password_page(request, visitor, text(request, visitor, "user_problem.again"))
    if new == old:
        return _password_page(request, visitor, text(request, visitor, "user_problem.same"))
    try:
        await users.set_password(visitor.name, new, revoke=False)
    except UserProblemError as error:
        return _password_page(request, visitor, problem(request, visitor, error))
    await did(parts, visitor, "changed_password", f"user:{visitor.name}")
    token = await users.start_session(
        visitor.user, address=address_of(request), agent=request.headers.get("user-agent", "")
    )
    reply = done(start_of(visitor) if visitor.user.must_change else "/account", "password")
    set_session(request, reply, token)
    return reply


@router.post("/sessions/end-others")
async def end_others(parts: Parts, visitor: InPerson) -> Response:
    """Sign out everywhere but here."""
    ended = await parts.database.users.end_sessions(visitor.user, but=visitor.session)
    await did(parts, visitor, "ended_sessions", f"user:{visitor.name}", sessions=ended)
    return done("/account", "ended")


@router.post("/sessions/{session}/end")
async def end_session(session: str, parts: Parts, visitor: InPerson) -> Response:
    """Sign out in one place."""
    if await parts.database.users.sessions.end_one(visitor.user, session):
        await did(parts, visitor, "ended_sessions", f"user:{visitor.name}", sessions=1)
    return done("/account", "ended")


def _password_page(request: Request, visitor: Visitor, wrong: str = "") -> Response:
    return render(
        request,
        visitor,
        "account/password.html",
        status=422 if wrong else 200,
        wrong=wrong,
        least=LEAST_PASSWORD,
    )
