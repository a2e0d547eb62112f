"""Claims: the inbox of reports taken by telephone, and one claim with all that is done to it."""

from __future__ import annotations

from pathlib import Path

from ivr.console.area import Area, Entry
from ivr.console.claims import api, pages

AREA = Area(
    "claims",
    Path(__file__).parent,
    pages=pages.router,
    api=api.router,
    entries=(Entry("/claims", "claims.title", ("reviewer", "manager"), order=25),),
)
