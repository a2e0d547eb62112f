"""What Twilio reaches us by: the webhooks of calls and messages, and the WebSocket of their sound.

house      what the process keeps for Twilio: the account, signatures, tickets, streams that run and how they ended
webhooks   `/twilio/voice`, `status`, `amd`, `after`, `dialled`, `message`, `recording`, `fallback`, `thanks`
streams    `/twilio/stream`: carried to a worker as a browser's is
messages   recordings that Twilio took while we were away come to the messages here

Only these addresses need to be reached from outside; all but the two static documents are answered to Twilio alone.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter

from ivr.console.area import Area
from ivr.console.twilio import messages, streams, webhooks

_router = APIRouter(prefix="/twilio")
_router.include_router(webhooks.router)
_router.include_router(streams.router)

AREA = Area("twilio", Path(__file__).parent, pages=_router, background=messages.bringing_in)
