"""The call flows: drawn with what calls do in them, their history, and publishing new ones."""

from __future__ import annotations

from pathlib import Path

from ivr.console.area import Area, Entry
from ivr.console.flows.api import router as api
from ivr.console.flows.keeping import kept
from ivr.console.flows.pages import router as pages

AREA = Area(
    "flows",
    Path(__file__).parent,
    pages=pages,
    api=api,
    entries=(Entry("/flows", "flows.title", ("manager", "administrator"), order=60),),
    background=kept,
)
