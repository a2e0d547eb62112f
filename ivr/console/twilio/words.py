"""What Twilio tells of our own calls goes to the worker that has them; where that is gone, into the record."""

from __future__ import annotations

import http.client
from dataclasses import asdict
from datetime import datetime

from ivr.console.control import tell_worker
from ivr.console.parts import ConsoleParts
from ivr.lines.twilio.words import Word
from ivr.outreach.twilio import outcome_of
from policy_db.workers import SILENCE


async def pass_on(parts: ConsoleParts, word: Word, worker: str) -> None:
    """Tell the worker; else write down what the word settles by itself. Whatever comes late changes nothing."""
    if not word.key:
        return
    at = parts.clock()
    if not await _told(parts, word, worker, at):
        await _written(parts, word, at)


async def _told(parts: ConsoleParts, word: Word, name: str, at: datetime) -> bool:
    worker = await parts.database.workers.find(name)
    if worker is None or worker.state == "stopped" or at - worker.seen_at > SILENCE:
        return False
    try:
        return await tell_worker(parts, worker.url, "/control/word", asdict(word)) < 300
    except (OSError, http.client.HTTPException, ValueError):
        return False


async def _written(parts: ConsoleParts, word: Word, at: datetime) -> None:
    """A call that was spoken in has an end that Twilio cannot know: that is left to whoever asks what became of it."""
    outcome = outcome_of(word)
    outreach = parts.database.outreach
    if outcome:
        await outreach.moved(word.key, "ended", at=at, outcome=outcome, carrier_id=word.sid, status=word.sip)
    elif word.status == "ringing":
        await outreach.moved(word.key, "ringing", at=at, carrier_id=word.sid)
    elif word.status == "in-progress":
        await outreach.moved(word.key, "answered", at=at, carrier_id=word.sid)
