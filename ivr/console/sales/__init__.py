"""Salespeople on the console: how they sell, whose mailbox is whose, what they are told and how they want to be told.

pages    the list, and one salesperson with preferences
notices  by the clock: a notice of each new message, and of lapses once a day
"""

from __future__ import annotations

from pathlib import Path

from ivr.console.area import Area, Entry
from ivr.console.sales import pages
from ivr.console.sales.notices import telling

AREA = Area(
    "sales",
    Path(__file__).parent,
    pages=pages.router,
    entries=(Entry("/salespeople", "sales.title", ("manager", "administrator"), order=48),),
    background=telling,
)
