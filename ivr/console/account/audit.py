"""The page of the audit: who did what, when, about whom."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ivr.console.access import Overseer
from ivr.console.audit import did
from ivr.console.formats import iso
from ivr.console.listing import csv_reply
from ivr.console.pages import render
from ivr.console.parts import ConsoleParts, Parts
from policy_db.audit import AuditFilter, NumberedEntry

router = APIRouter(prefix="/admin")
_PAGE: Final = 50
_NAMES: Final = ("actor", "action", "subject", "since", "until")
_MOST_DAYS: Final = date(2200, 1, 1)


@router.get("/audit")
async def audit_page(request: Request, parts: Parts, visitor: Overseer) -> Response:
    """Entries by person, action, subject and day, the newest first."""
    query = _query(request)
    older_than = _number(request.query_params.get("older_than", ""))
    found = await parts.database.audit.search(_wanted(parts, query), older_than=older_than, limit=_PAGE + 1)
    return render(
        request,
        visitor,
        "account/audit.html",
        query=query,
        rows=found[:_PAGE],
        more=found[_PAGE - 1].id if len(found) > _PAGE else None,
        older_than=older_than,
        told=_told,
    )


@router.get("/audit.csv")
async def audit_csv(request: Request, parts: Parts, visitor: Overseer) -> Response:
    """The same entries as a file."""
    query = _query(request)
    await did(parts, visitor, "exported", "audit", filtered=sorted(query))

    async def rows() -> AsyncIterator[Sequence[object]]:
        async for one in parts.database.audit.export(_wanted(parts, query)):
            entry = one.entry
            yield (iso(entry.at), entry.actor, entry.action, entry.subject, _told(one))

    return csv_reply("audit", ("at", "who", "action", "subject", "details"), rows())


def wanted_from(
    parts: ConsoleParts, actor: str, action: str, subject: str, since: date | None, until: date | None
) -> AuditFilter:
    """The filter for whole days of the company's time zone; `until` counts too."""
    zone = ZoneInfo(parts.settings.zone)
    who = actor if not actor or ":" in actor or actor in ("call", "system") else f"staff:{actor.casefold()}"
    return AuditFilter(
        actor=who,
        action=action,
        subject=subject,
        since=None if since is None else _midnight(since, zone),
        before=None if until is None else _midnight(min(until, _MOST_DAYS) + timedelta(days=1), zone),
    )


def _wanted(parts: ConsoleParts, query: dict[str, str]) -> AuditFilter:
    return wanted_from(
        parts,
        query.get("actor", ""),
        query.get("action", ""),
        query.get("subject", ""),
        _day(query.get("since", "")),
        _day(query.get("until", "")),
    )


def _query(request: Request) -> dict[str, str]:
    given = {name: request.query_params.get(name, "").replace("\x00", "").strip()[:100] for name in _NAMES}
    return {name: value for name, value in given.items() if value}


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(max(day, date(1970, 1, 2)), time(), zone)


def _day(written: str) -> date | None:
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None


def _number(written: str) -> int | None:
    return int(written) if written.isascii() and written.isdigit() and len(written) < 19 else None


def _told(one: NumberedEntry) -> str:
    """The details as one line."""
    details = dict(one.entry.details)
    if one.call:
        details["call"] = one.call
    return ", ".join(
        f"{name} {value if isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False)}"
        for name, value in details.items()
    )
