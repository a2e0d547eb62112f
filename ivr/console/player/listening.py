"""Who may listen to which recording, and where its file is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import Depends, HTTPException

from ivr.console.access import Anyone, ForbiddenError, Visitor
from ivr.console.parts import ConsoleParts, Parts
from ivr.console.voicemail.desk import sight_of
from policy_db.facts import Recording
from policy_db.messages import reads


async def listened_to(id: str, parts: Parts, visitor: Anyone) -> Recording:  # noqa: A002 - as the path has it
    """A dependency: the recording, which the visitor may hear.

    Reviewers and managers hear all but what was left in somebody's own mailbox; a seat what was said in its own calls,
    left in its mailbox or given to it. Answers 404 for one that does not exist or was thrown away, and also where it is
    not theirs: which exist is nobody's business.
    """
    recording = await parts.database.recordings.find(id)
    if not visitor.has("reviewer", "manager", "seat") and not visitor.user.salesperson:
        raise ForbiddenError
    if recording is None or recording.state == "discarded" or not await may_hear(parts, visitor, recording):
        raise HTTPException(404)
    return recording


Listened = Annotated[Recording, Depends(listened_to)]


async def may_hear(parts: ConsoleParts, visitor: Visitor, recording: Recording) -> bool:
    """Whether the visitor, who may hear recordings at all, may hear this one."""
    if not visitor.has("reviewer", "manager"):
        return await _is_theirs(parts, visitor, recording)
    return recording.purpose != "voicemail" or await _is_in_sight(parts, visitor, recording)


async def _is_in_sight(parts: ConsoleParts, visitor: Visitor, recording: Recording) -> bool:
    """As with the pages of messages; one that has not come to a desk yet goes by the mailbox it was left in."""
    sight, messages = await sight_of(parts, visitor), parts.database.messages
    if await messages.find(recording.id, sight) is not None:
        return True
    return reads(sight, recording.mailbox) and await messages.find(recording.id) is None


async def _is_theirs(parts: ConsoleParts, visitor: Visitor, recording: Recording) -> bool:
    if await parts.database.messages.find(recording.id, await sight_of(parts, visitor)) is not None:
        return True  # a message in their mailbox, or one that was given to them
    if visitor.seat is None:
        return False
    for seat in await parts.database.seats.all_seats():
        if seat.id == visitor.seat and seat.mailbox and seat.mailbox == recording.mailbox:
            return True
    talks = await parts.database.talks.of_call(recording.call)
    if any(one.seat == visitor.seat for talk in talks for one in talk.seats):
        return True
    return any(one.seat_id == visitor.seat for one in await parts.database.seats.calls_of(recording.call))


def file_of(parts: ConsoleParts, recording: Recording) -> Path:
    """The recording's file. Answers 404 where there is none (any more)."""
    folder = parts.settings.recordings_dir.resolve()
    path = (folder / recording.file).resolve()
    if not path.is_relative_to(folder) or not path.is_file():
        raise HTTPException(404)
    return path
