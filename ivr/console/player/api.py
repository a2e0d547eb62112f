"""Recordings as JSON."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from ivr.console.access import Anyone
from ivr.console.audit import looked_at
from ivr.console.parts import Parts
from ivr.console.player.listening import Listened
from ivr.console.player.views import view_of

router = APIRouter()


class Span(BaseModel):
    """A stretch of deliberate silence, in seconds."""

    at: float
    to: float
    why: str
    by: str = ""


class RecordingView(BaseModel):
    """A recording; its sound is at `/recordings/{id}/audio`."""

    id: str
    purpose: str
    call: str
    state: str
    seconds: float
    started_at: str
    spans: list[Span]
    seats: list[str]
    consent: str | None


@router.get("/recordings/{id}", response_model=RecordingView)
async def recording(recording: Listened, visitor: Anyone, parts: Parts) -> dict[str, Any]:
    """A recording that you may hear."""
    await looked_at(parts, visitor, "recording", recording.id, call=recording.call)
    return await view_of(parts, recording)
