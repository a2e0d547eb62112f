"""Administration: customers, policies, products, salespeople, seats, queues, hours, prompts, and imports.

start     a door to each list
records   lists and single records of every kind, by the columns that an import has; their changes and PINs
sections  what the page of one record shows besides
extras    consents, commissions, rates, a seat's presence
queues    every rule of a queue
hours     the calendars of the flows, changed without touching the files
prompts   what callers hear: listen, record, upload, put back
imports   CSV files: dry run, line by line, then all in one transaction
api       the same as JSON, under /api/admin
fields    columns as fields of forms and cells of lists
uploads   files refused by their size before they are read
"""

from __future__ import annotations

from pathlib import Path

from ivr.console.admin import api, pages
from ivr.console.admin.imports import background
from ivr.console.area import Area, Entry

AREA = Area(
    "admin",
    Path(__file__).parent,
    pages=pages.router,
    api=api.router,
    entries=(Entry("/admin", "admin.title", ("manager", "administrator"), order=70),),
    background=background,
)
