"""Users of the console, as an administrator keeps them."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from ivr.console.access import Administrator, AdministratorInPerson, Visitor
from ivr.console.account.words import done, problem, said
from ivr.console.audit import did
from ivr.console.formats import iso
from ivr.console.listing import PAGE, csv_reply, listing, page_number
from ivr.console.pages import render, text
from ivr.console.parts import ConsoleParts, Parts
from ivr.console.texts import LANGUAGES
from policy_db.users import ROLES, User, UserProblemError

router = APIRouter(prefix="/admin/users")
_HEADER: Final = (
    "name",
    "display",
    "email",
    "roles",
    "seat",
    "salesperson",
    "state",
    "made_at",
    "signed_in_at",
)
_NOBODY: Final[dict[str, Any]] = {
    "name": "", "display": "", "email": "", "roles": (), "seat": None, "salesperson": "", "language": "",
}  # fmt: skip
Word = Annotated[str, Form(max_length=200)]
Chosen = Annotated[list[str] | None, Form()]


@router.get("")
async def users_page(request: Request, parts: Parts, visitor: Administrator) -> Response:
    """The list."""
    words, role, state = _query(request)
    store, number = parts.database.users, page_number(request)
    rows = await store.search(words, role=role, state=state, limit=PAGE + 1, offset=(number - 1) * PAGE)
    total = await store.count(words, role=role, state=state)
    return render(
        request,
        visitor,
        "account/users.html",
        listing=listing(request, rows, total=total),
        roles=ROLES,
        said=said(request, visitor),
    )


@router.get(".csv")
async def users_csv(request: Request, parts: Parts, visitor: Administrator) -> Response:
    """The list as a file."""
    words, role, state = _query(request)
    await did(parts, visitor, "exported", "users")

    async def rows() -> AsyncIterator[Sequence[object]]:
        for user in await parts.database.users.search(words, role=role, state=state, limit=100_000):
            yield (
                user.name,
                user.display,
                user.email,
                " ".join(user.roles),
                user.seat,
                user.salesperson,
                "disabled" if user.disabled else "active",
                iso(user.created_at),
                iso(user.signed_in_at),
            )

    return csv_reply("users", _HEADER, rows())


@router.get("/new")
async def new_page(request: Request, parts: Parts, visitor: Administrator) -> Response:
    """The form for a new user."""
    return await _new_page(request, parts, visitor, {})


@router.post("")
async def add_user(
    request: Request,
    parts: Parts,
    visitor: AdministratorInPerson,
    name: Word = "",
    display: Word = "",
    email: Word = "",
    roles: Chosen = None,
    seat: Word = "",
    salesperson: Word = "",
    language: Word = "",
) -> Response:
    """Make a user with a password that is shown once, and that they must change."""
    password = new_password()
    values = _values(display, email, roles, seat, salesperson, language)
    try:
        user = await parts.database.users.add(name, password=password, must_change=True, **values)
    except UserProblemError as error:
        wrong = problem(request, visitor, error)
        return await _new_page(request, parts, visitor, {"name": name, **values}, wrong)
    await did(parts, visitor, "added_user", f"user:{user.name}", roles=list(user.roles))
    return await _user_page(request, parts, visitor, user, password=password)


@router.get("/{number}")
async def user_page(request: Request, number: int, parts: Parts, visitor: Administrator) -> Response:
    """One user."""
    return await _user_page(request, parts, visitor, await _found(parts, number))


@router.post("/{number}")
async def change_user(
    request: Request,
    number: int,
    parts: Parts,
    visitor: AdministratorInPerson,
    display: Word = "",
    email: Word = "",
    roles: Chosen = None,
    seat: Word = "",
    salesperson: Word = "",
    language: Word = "",
    subject: Word = "",
) -> Response:
    """Change what a user may do, where they sit, and how they are called."""
    user = await _found(parts, number)
    values = _values(display or user.display, email, roles, seat, salesperson, language)
    try:
        await parts.database.users.change(user.name, subject=subject.strip() or None, **values)
    except UserProblemError as error:
        wrong = problem(request, visitor, error)
        return await _user_page(request, parts, visitor, user, wrong=wrong)
    await did(
        parts, visitor, "changed_user", f"user:{user.name}", roles=list(values["roles"]), seat=values["seat"]
    )
    return done(f"/admin/users/{number}", "saved")


@router.post("/{number}/password")
async def reset_password(
    request: Request, number: int, parts: Parts, visitor: AdministratorInPerson
) -> Response:
    """A new password, shown once, that must be changed; sessions and tokens of the user end."""
    user, password = await _found(parts, number), new_password()
    await parts.database.users.set_password(user.name, password, must_change=True)
    await did(parts, visitor, "reset_password", f"user:{user.name}")
    return await _user_page(request, parts, visitor, await _found(parts, number), password=password)


@router.post("/{number}/sessions")
async def end_sessions(number: int, parts: Parts, visitor: AdministratorInPerson) -> Response:
    """Sign the user out everywhere."""
    user = await _found(parts, number)
    ended = await parts.database.users.end_sessions(user)
    await did(parts, visitor, "ended_sessions", f"user:{user.name}", sessions=ended)
    return done(f"/admin/users/{number}", "ended")


@router.post("/{number}/unlock")
async def unlock(number: int, parts: Parts, visitor: AdministratorInPerson) -> Response:
    """Let the user try again at once."""
    user = await _found(parts, number)
    await parts.database.users.sign_ins.unlock(user.name)
    await did(parts, visitor, "unlocked_user", f"user:{user.name}")
    return done(f"/admin/users/{number}", "unlocked")


@router.post("/{number}/disable")
async def disable(request: Request, number: int, parts: Parts, visitor: AdministratorInPerson) -> Response:
    """The user may not sign in any more; sessions and tokens end."""
    user = await _found(parts, number)
    if user.id == visitor.user.id:
        wrong = text(request, visitor, "user_problem.self")
        return await _user_page(request, parts, visitor, user, wrong=wrong)
    try:
        await parts.database.users.change(user.name, disabled=True)
    except UserProblemError as error:
        return await _user_page(request, parts, visitor, user, wrong=problem(request, visitor, error))
    await did(parts, visitor, "disabled_user", f"user:{user.name}")
    return done(f"/admin/users/{number}", "disabled")


@router.post("/{number}/enable")
async def enable(number: int, parts: Parts, visitor: AdministratorInPerson) -> Response:
    """The user may sign in again."""
    user = await _found(parts, number)
    await parts.database.users.change(user.name, disabled=False)
    await did(parts, visitor, "enabled_user", f"user:{user.name}")
    return done(f"/admin/users/{number}", "enabled")


@router.get("/{number}/password")
@router.get("/{number}/disable")
async def after_change(number: int, visitor: Administrator) -> Response:
    """Back to the user, for who loads the page that a change answered with again."""
    return RedirectResponse(f"/admin/users/{number}", 303)


def new_password() -> str:
    """A password of 100 random bits that can be read out: groups of letters and digits that look like no others."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))


async def _found(parts: ConsoleParts, number: int) -> User:
    user = await parts.database.users.by_id(number) if 0 <= number < 2**31 else None
    if user is None:
        raise HTTPException(404)
    return user


async def _new_page(
    request: Request, parts: ConsoleParts, visitor: Visitor, entered: dict[str, Any], wrong: str = ""
) -> Response:
    return render(
        request,
        visitor,
        "account/user_new.html",
        status=422 if wrong else 200,
        wrong=wrong,
        one=_NOBODY | entered,
        roles=ROLES,
        seats=await parts.database.seats.all_seats(),
        languages=LANGUAGES,
    )


async def _user_page(
    request: Request,
    parts: ConsoleParts,
    visitor: Visitor,
    user: User,
    *,
    wrong: str = "",
    password: str = "",
) -> Response:
    users = parts.database.users
    return render(
        request,
        visitor,
        "account/user.html",
        status=422 if wrong else 200,
        user=user,
        wrong=wrong,
        password=password,
        said=said(request, visitor),
        roles=ROLES,
        seats=await parts.database.seats.all_seats(),
        languages=LANGUAGES,
        sessions=await users.sessions.of(user, users.rules),
        tokens=await users.tokens.of(user),
        held_until=await users.sign_ins.held_until(users.rules, user.name),
        has_provider=bool(parts.settings.oidc_issuer),
    )


def _values(
    display: str, email: str, roles: list[str] | None, seat: str, salesperson: str, language: str
) -> dict[str, Any]:
    return {
        "display": display.strip()[:100],
        "email": email.strip(),
        "roles": tuple(dict.fromkeys(roles or ())),
        "seat": seat or None,
        "salesperson": salesperson.strip()[:20],
        "language": language if language in LANGUAGES else "",
    }


def _query(request: Request) -> tuple[str, str, str]:
    words = request.query_params.get("q", "").replace("\x00", "").strip()[:100]
    role, state = (request.query_params.get(name, "") for name in ("role", "state"))
    return words, role if role in ROLES else "", state
