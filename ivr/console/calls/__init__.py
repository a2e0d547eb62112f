"""Records of calls: the list with its search, and one call replayed step by step with its sound.

`story` tells the timeline in plain words, `replay` gathers all that one call left.
"""

from __future__ import annotations

from pathlib import Path

from ivr.console.area import Area, Entry
from ivr.console.calls import api, pages

AREA = Area(
    "calls",
    Path(__file__).parent,
    pages=pages.router,
    api=api.router,
    entries=(Entry("/calls", "calls.title", ("seat", "reviewer", "manager"), order=35),),
)
