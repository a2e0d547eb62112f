"""Campaigns on the console: made and looked through before anybody is called, started, stopped, and watched.

pages    the list, a new one, one campaign with its progress and attempts, promises, and what was tried with whom
api      the same as JSON
views    what the pages are filled with
"""

from __future__ import annotations

from pathlib import Path

from ivr.console.area import Area, Entry
from ivr.console.outreach import api, pages

AREA = Area(
    "outreach",
    Path(__file__).parent,
    pages=pages.router,
    api=api.router,
    entries=(Entry("/outreach", "outreach.area", ("manager", "administrator"), order=47),),
)
