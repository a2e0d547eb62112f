"""One call with all that it left, and who may see it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from fastapi import HTTPException

from ivr.console.access import ForbiddenError, Visitor
from ivr.console.audit import looked_at
from ivr.console.calls.story import Heard
from ivr.console.parts import ConsoleParts
from ivr.console.player.listening import may_hear
from policy_db.call_records import CallSummary, CameOfIt
from policy_db.facts import CallRecord, Recording, TimelineEntry
from policy_db.talk_facts import Talk, WrapUp

#: Roles that see every call; a seat sees those that it served.
ALL_CALLS = ("reviewer", "manager")


@dataclass(frozen=True, slots=True)
class Replay:
    """A call and everything about it."""

    call: CallRecord
    timeline: tuple[TimelineEntry, ...]
    came: CameOfIt
    talks: tuple[Talk, ...]
    wrap_ups: tuple[WrapUp, ...]
    others: tuple[CallSummary, ...]

    @property
    def heard(self) -> tuple[Heard, ...]:
        """Where in the call each recording is; talks before shorter ones, as they hold both sides."""
        placed = [
            Heard(one.id, (one.started_at - self.call.started_at).total_seconds(), one.seconds)
            for one in self.came.recordings
        ]
        return tuple(sorted(placed, key=lambda one: one.seconds))

    @property
    def messages(self) -> tuple[Recording, ...]:
        """The messages that the caller left."""
        return tuple(one for one in self.came.recordings if one.purpose == "voicemail")


def seen_by(visitor: Visitor) -> str | None:
    """The seat whose calls a visitor is limited to; None for those who see all. Raises ForbiddenError."""
    if visitor.has(*ALL_CALLS):
        return None
    if not visitor.has("seat"):
        raise ForbiddenError
    return visitor.seat or ""


async def call_for(parts: ConsoleParts, visitor: Visitor, call_id: str) -> CallRecord:
    """The call, if the visitor may see it. Answers 404 otherwise; the look is in the audit."""
    seat = seen_by(visitor)
    call = await parts.database.calls.find(call_id)
    if call is None:
        raise HTTPException(404)
    if seat is not None and not (seat and await parts.database.call_records.served_by(call_id, seat)):
        raise HTTPException(404)
    await looked_at(parts, visitor, "call", call_id)
    return call


async def replay_of(parts: ConsoleParts, visitor: Visitor, call: CallRecord) -> Replay:
    """Everything about a call, but for messages in mailboxes that are not for the visitor."""
    database = parts.database
    timeline, came, talks, wrap_ups, others = await asyncio.gather(
        database.calls.timeline(call.id),
        database.call_records.came_of(call.id),
        database.talks.of_call(call.id),
        database.talks.wrap_ups(call.id),
        database.call_records.of_number(call.caller, call.id),
    )
    recordings = [one for one in came.recordings if await may_hear(parts, visitor, one)]
    return Replay(call, timeline, replace(came, recordings=tuple(recordings)), talks, wrap_ups, others)
