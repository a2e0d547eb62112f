"""The door of the area: what each visitor works with first."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import RedirectResponse

from ivr.console.crosssell.desk import Seller

router = APIRouter()


@router.get("/crosssell")
async def start(visitor: Seller) -> RedirectResponse:
    """To the referrals, which everybody here has."""
    return RedirectResponse("/crosssell/referrals", 303)
