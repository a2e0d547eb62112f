"""Signing in and out, one's own account, users and their roles, the audit, what is kept for how long."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter

from ivr.console.account import audit, keeping, oidc, own, pages, people, tokens
from ivr.console.account.api import router as api
from ivr.console.account.background import background
from ivr.console.area import Area, Entry

_pages = APIRouter()
for _router in (
    pages.router,
    oidc.router,
    own.router,
    tokens.router,
    people.router,
    audit.router,
    keeping.router,
):
    _pages.include_router(_router)

AREA = Area(
    "account",
    Path(__file__).parent,
    pages=_pages,
    api=api,
    entries=(
        Entry("/admin/users", "users.title", ("administrator",), order=81),
        Entry("/admin/audit", "audit.title", ("manager", "administrator"), order=82),
        Entry("/admin/retention", "retention.title", ("administrator",), order=84),
    ),
    background=background,
)
