"""Reports for managers: what a period was like, beside the period before, by day, hour, queue, seat and flow.

`period` reads which days are asked for, `tables` makes every table once, for the page, its CSV and the API.
"""

from __future__ import annotations

from pathlib import Path

from ivr.console.area import Area, Entry
from ivr.console.reports import api, pages

AREA = Area(
    "reports",
    Path(__file__).parent,
    pages=pages.router,
    api=api.router,
    entries=(Entry("/reports", "reports.title", ("manager",), order=45),),
)
