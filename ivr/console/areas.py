"""Every area of the console, in no order that matters."""

from __future__ import annotations

from ivr.console.account import AREA as ACCOUNT
from ivr.console.admin import AREA as ADMIN
from ivr.console.area import Area
from ivr.console.board import AREA as BOARD
from ivr.console.calls import AREA as CALLS
from ivr.console.claims import AREA as CLAIMS
from ivr.console.crosssell import AREA as CROSSSELL
from ivr.console.documents import AREA as DOCUMENTS
from ivr.console.flows import AREA as FLOWS
from ivr.console.link import AREA as LINK
from ivr.console.outreach import AREA as OUTREACH
from ivr.console.phone import AREA as PHONE
from ivr.console.player import AREA as PLAYER
from ivr.console.reports import AREA as REPORTS
from ivr.console.sales import AREA as SALES
from ivr.console.seat import AREA as SEAT
from ivr.console.twilio import AREA as TWILIO
from ivr.console.voicemail import AREA as VOICEMAIL

AREAS: tuple[Area, ...] = (
    ACCOUNT, SEAT, VOICEMAIL, CLAIMS, BOARD, CALLS, CROSSSELL, OUTREACH, FLOWS, REPORTS, SALES, ADMIN, PHONE, PLAYER,
    DOCUMENTS, LINK,
    TWILIO,
)  # fmt: skip
