"""The browser phone: the dial page on which the hotline is called, the seats' softphone, and the way to a worker.

`static/phone.js` is the telephone (a class for any page), `static/phone-audio.js` its sound. `relay` carries its
WebSocket to the worker of the call; `pages` has the dial page, `api` what a seat picks up with.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter

from ivr.console.area import Area, Entry
from ivr.console.phone import api, pages, relay

_router = APIRouter()
_router.include_router(pages.router)
_router.include_router(relay.router)

AREA = Area(
    "phone",
    Path(__file__).parent,
    pages=_router,
    api=api.router,
    entries=(Entry("/phone", "phone.title", order=80),),
)
