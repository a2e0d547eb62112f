"""What people are told of their forms, in their language."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from ivr.console.access import Visitor
from ivr.console.pages import text
from policy_db.users import UserProblemError


def problem(request: Request, visitor: Visitor, error: UserProblemError) -> str:
    """What is wrong with what was entered about a user."""
    return text(request, visitor, f"user_problem.{error.key}", **error.values)


def done(path: str, what: str) -> Response:
    """Back to a page, which says what was done (`done.WHAT`)."""
    return RedirectResponse(f"{path}{'&' if '?' in path else '?'}done={what}", 303)


def said(request: Request, visitor: Visitor) -> str:
    """The text of `done` in the address, if it is one of ours."""
    what = request.query_params.get("done", "")
    known = {
        "saved",
        "password",
        "ended",
        "revoked",
        "unlocked",
        "disabled",
        "enabled",
        "held",
        "released",
        "erased",
    }
    return text(request, visitor, f"done.{what}") if what in known else ""
