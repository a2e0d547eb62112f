"""The seat's page: where a person at a seat works all day.

    presence  which of a seat's tabs is the one that works, and its heartbeat
    mine      what the page shows: the seat, its call, the picture of the caller, who waits
    story     what the caller did, step by step in plain words, and why they want a person
    talk      how the talk stands: held, muted, recorded, who else is in it
    hint      what may be suggested to the caller, and why or why not
    telling   what the seat says came of it
    work      what a person at a seat asks for, for pages and API alike
    pages     the page and the parts it reads again
    api       the same as JSON, and every change

The page shows a call as soon as the seat's row says `ringing`; a telephone of its own (`browser`) rings in the page, at
least 300 ms after the call is on the screen, and for any other telephone the worker waits as long.
"""

from __future__ import annotations

from pathlib import Path

from ivr.console.area import Area, Entry
from ivr.console.seat import api, pages

AREA = Area(
    "seat",
    Path(__file__).parent,
    pages=pages.router,
    api=api.router,
    entries=(Entry("/seat", "seat.title", ("seat", "manager"), order=10),),
)
