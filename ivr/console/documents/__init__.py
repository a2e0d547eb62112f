"""Documents on the console: what was sent and what became of it, letters for the post, papers that came for claims."""

from __future__ import annotations

from pathlib import Path

from ivr.console.area import Area, Entry
from ivr.console.documents import api, pages

AREA = Area(
    "documents",
    Path(__file__).parent,
    pages=pages.router,
    api=api.router,
    entries=(Entry("/documents", "documents.title", ("reviewer", "manager"), order=27),),
)
