"""The dial page."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from ivr.console.access import NotSignedInError, visitor_of
from ivr.console.pages import render
from ivr.console.parts import Parts

router = APIRouter()


@router.get("/phone")
async def dial_page(request: Request, parts: Parts) -> Response:
    """A telephone in the page: for anybody where the setting allows it, else for who is signed in."""
    visitor = await visitor_of(request)
    if visitor is None and not parts.settings.web_phone:
        raise NotSignedInError
    return render(request, visitor, "phone/phone.html")
