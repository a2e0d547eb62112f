"""Campaigns as JSON: the list, one with its progress, its attempts by hour, and start, pause, stop."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException

from ivr.console.access import Overseer
from ivr.console.outreach.pages import changed
from ivr.console.outreach.views import Progress, by_hour, progress_of
from ivr.console.parts import Parts

router = APIRouter(prefix="/outreach", tags=["outreach"])


@router.get("")
async def campaigns(
    parts: Parts, visitor: Overseer, limit: int = 50, offset: int = 0
) -> list[dict[str, Any]]:
    """Campaigns, the newest first."""
    rows = await parts.database.campaigns.page(
        limit=max(1, min(limit, 200)), offset=max(0, min(offset, 10**6))
    )
    return [_told(await progress_of(parts, one)) for one in rows]


@router.get("/{campaign}")
async def campaign(parts: Parts, visitor: Overseer, campaign: str) -> dict[str, Any]:
    """One campaign and how it fares."""
    found = await parts.database.campaigns.find(campaign)
    if found is None:
        raise HTTPException(404)
    return _told(await progress_of(parts, found))


@router.get("/{campaign}/hours")
async def hours(parts: Parts, visitor: Overseer, campaign: str) -> dict[str, Any]:
    """Attempts of the last two days by hour."""
    return await by_hour(parts, campaign)


@router.post("/{campaign}/{action}")
async def change(parts: Parts, visitor: Overseer, campaign: str, action: str) -> dict[str, str]:
    """Start, pause or stop."""
    after = await changed(parts, visitor, campaign, action)
    return {"id": after.id, "state": after.state}


def _told(progress: Progress) -> dict[str, Any]:
    one = progress.campaign
    return {
        "id": one.id,
        "name": one.name,
        "kind": one.kind,
        "state": one.state,
        "problem": one.problem,
        "people": progress.people,
        "waiting": progress.waiting,
        "calling": progress.calling,
        "done": progress.done,
        "excluded": dict(progress.excluded),
        "outcomes": dict(progress.outcomes),
    }
