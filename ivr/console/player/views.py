"""What is told of a recording beside its sound."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from ivr.console.parts import ConsoleParts
from policy_db.facts import Recording

#: Words of which the recogniser is less sure than this are marked.
UNSURE_BELOW: Final = 0.6


async def view_of(parts: ConsoleParts, recording: Recording) -> dict[str, Any]:
    """The recording's own facts and, for a talk, who took part and where it is silent on purpose."""
    talk = await parts.database.talks.of_recording(recording.id) if recording.purpose == "talk" else None
    return {
        "id": recording.id,
        "purpose": recording.purpose,
        "call": recording.call,
        "state": recording.state,
        "seconds": recording.seconds,
        "started_at": recording.started_at.isoformat(),
        "spans": [] if talk is None else [asdict(span) for span in talk.spans],
        "seats": [] if talk is None else list(dict.fromkeys(one.seat for one in talk.seats)),
        "consent": None if talk is None else talk.consent,
    }


async def written(parts: ConsoleParts, recording: str) -> dict[str, Any]:
    """What the part of a page needs that shows a recording in writing (`player/transcript.html`)."""
    found = await parts.database.messages.transcript(recording)
    state = None if found else await parts.database.transcriptions.state_of(recording)
    users = await parts.database.users.all()
    return {
        "transcript": found,
        "transcription": state,
        "people": {user.name: user.display for user in users},
        "unsure_below": UNSURE_BELOW,
    }
