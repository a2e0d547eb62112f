"""One's own API tokens: made, shown once, taken back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from ivr.console.access import InPerson
from ivr.console.account.own import account_page
from ivr.console.account.words import done, problem
from ivr.console.audit import did
from ivr.console.parts import Parts
from policy_db.users import UserProblemError

router = APIRouter(prefix="/account/tokens")


@router.post("")
async def add_token(
    request: Request,
    parts: Parts,
    visitor: InPerson,
    name: Annotated[str, Form(max_length=200)] = "",
    days: Annotated[str, Form(max_length=6)] = "90",
) -> Response:
    """Make a token; the page that answers shows its text, no other ever does."""
    try:
        good_for = int(days) if days.strip().isascii() and days.strip().isdigit() else 0
        token, shown = await parts.database.users.tokens.add(visitor.user, name, good_for)
    except UserProblemError as error:
        wrong = problem(request, visitor, error)
        return await account_page(request, parts, visitor, wrong=wrong, status=422)
    await did(parts, visitor, "added_token", f"user:{visitor.name}", token=token.id)
    return await account_page(request, parts, visitor, token=shown)


@router.get("")
async def after_token(visitor: InPerson) -> Response:
    """Back to the account, for who loads the page with a token again."""
    return RedirectResponse("/account", 303)


@router.post("/{number}/revoke")
async def revoke_token(number: int, parts: Parts, visitor: InPerson) -> Response:
    """Take a token back."""
    if 0 <= number < 2**62 and await parts.database.users.tokens.revoke(visitor.user, number):
        await did(parts, visitor, "revoked_token", f"user:{visitor.name}", token=number)
    return done("/account", "revoked")
