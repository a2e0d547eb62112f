"""The live board: what goes on now, who waits, who is there to answer, and what a manager should look at.

`state` reads everything once for all who watch (`sharing`), `alarms` judges it, `names` says what flows and steps are
called.
"""

from __future__ import annotations

from pathlib import Path

from ivr.console.area import Area, Entry
from ivr.console.board import api, pages
from ivr.console.board.state import hearing

AREA = Area(
    "board",
    Path(__file__).parent,
    pages=pages.router,
    api=api.router,
    entries=(Entry("/board", "board.title", ("seat", "reviewer", "manager"), order=30),),
    background=hearing,
)
