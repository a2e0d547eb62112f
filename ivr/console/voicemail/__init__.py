"""Messages that callers have left: inboxes by mailbox and person, and one message with all that is done to it."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter

from ivr.console.area import Area, Entry
from ivr.console.voicemail import api, pages, settings_pages
from ivr.console.voicemail.arriving import arriving

_pages = APIRouter()
_pages.include_router(settings_pages.router)
_pages.include_router(pages.router)

AREA = Area(
    "voicemail",
    Path(__file__).parent,
    pages=_pages,
    api=api.router,
    entries=(Entry("/messages", "messages.title", ("seat", "reviewer", "manager"), order=20),),
    background=arriving,
)
