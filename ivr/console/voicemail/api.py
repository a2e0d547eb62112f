"""Messages as JSON, with the same checks as the pages."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from ivr.console.access import Anyone
from ivr.console.audit import did, looked_at
from ivr.console.listing import PageAsked, SizeAsked
from ivr.console.parts import Parts
from ivr.console.voicemail.changing import Wish, change_of, made
from ivr.console.voicemail.desk import message_for, sight_of, wanted_of
from policy_db.message_facts import HistoryEntry, Message, Transcript

router = APIRouter(prefix="/messages")


class MessageOut(BaseModel):
    """A message. `level` is how sure the hotline was of the caller, 0 to 2; `version` comes back with a change."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    mailbox: str
    received_at: datetime
    state: str
    category: str
    urgency: str
    assignee: str
    salesperson: str
    due_at: datetime | None
    done_at: datetime | None
    version: int
    caller: str
    level: int
    reason: str
    seconds: float
    call: str
    broken_off: bool
    customer: str
    customer_name: str
    policy: str
    claim: str
    has_transcript: bool


class HistoryOut(BaseModel):
    """Something that was done to a message or claim."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    who: str
    action: str
    details: dict[str, Any]
    text: str


class SpokenWordOut(BaseModel):
    """A word that was said: `start` and `end` in seconds of the recording, `confidence` from 0 to 1."""

    model_config = ConfigDict(from_attributes=True)

    text: str
    confidence: float
    start: float
    end: float


class ReasonOut(BaseModel):
    """A phrase that was said at a second of the recording, and how urgent it makes the message."""

    model_config = ConfigDict(from_attributes=True)

    phrase: str
    urgency: str
    at: float
    confidence: float


class WholeMessage(MessageOut):
    """A message with its transcript and history; `words` are those that were recognised, by what lies between pauses."""

    transcript: str | None = None
    transcript_confidence: float | None = None
    corrected_by: str = ""
    words: list[list[SpokenWordOut]] = Field(default_factory=list)
    reasons: list[ReasonOut] = Field(default_factory=list)
    history: list[HistoryOut] = Field(default_factory=list)


class MessagesOut(BaseModel):
    """One page of messages."""

    items: list[MessageOut]
    page: int
    more: bool
    total: int | None = Field(description="None for more than a thousand.")


class NoteIn(BaseModel):
    """A note."""

    text: str = Field(max_length=4000)


@router.get("")
async def inbox(
    parts: Parts,
    visitor: Anyone,
    view: Annotated[str, Query(max_length=20)] = "all",
    q: Annotated[str, Query(max_length=100)] = "",
    mailbox: Annotated[str, Query(max_length=64)] = "",
    category: Annotated[str, Query(max_length=40)] = "",
    urgency: Annotated[str, Query(max_length=10)] = "",
    state: Annotated[str, Query(max_length=10)] = "",
    assigned: Annotated[str, Query(max_length=64)] = "",
    due: Annotated[str, Query(max_length=10)] = "",
    order: Annotated[str, Query(max_length=10)] = "newest",
    page: PageAsked = 1,
    size: SizeAsked = 50,
) -> MessagesOut:
    """The messages that the visitor sees: `view` is new, mine, all or archived, `due=overdue` the late ones."""
    sight, now = await sight_of(parts, visitor), parts.clock()
    wanted = wanted_of({
        "view": view, "q": q, "mailbox": mailbox, "category": category, "urgency": urgency, "state": state,
        "assigned": assigned, "due": due, "order": order,
    })  # fmt: skip
    messages = parts.database.messages
    rows = await messages.inbox(sight, wanted, now=now, limit=size + 1, offset=(page - 1) * size)
    return MessagesOut(
        items=[MessageOut.model_validate(row) for row in rows[:size]],
        page=page,
        more=len(rows) > size,
        total=await messages.count(sight, wanted, now=now),
    )


@router.get("/{message}")
async def one(parts: Parts, visitor: Anyone, message: str) -> WholeMessage:
    """One message; unlike its page, this leaves it unread."""
    found = await message_for(parts, visitor, message)
    await looked_at(parts, visitor, "message", message)
    return await _whole(parts, found)


@router.patch("/{message}")
async def change(parts: Parts, visitor: Anyone, message: str, wish: Wish) -> WholeMessage:
    """Change it from the `version` that was read; 409 when somebody else was first, and nothing is written then."""
    found = await message_for(parts, visitor, message)
    await made(parts, visitor, found, change_of(parts, found, wish), version=wish.version)
    return await _whole(parts, await message_for(parts, visitor, message))


@router.post("/{message}/notes", status_code=201)
async def note(parts: Parts, visitor: Anyone, message: str, note: NoteIn) -> HistoryOut:
    """Keep a note."""
    await message_for(parts, visitor, message)
    await parts.database.messages.note(message, visitor.name, note.text)
    await did(parts, visitor, "noted", f"message:{message}")
    parts.bus.publish("message", message)
    history = await parts.database.messages.history(message)
    return history_out(history[-1])


async def _whole(parts: Parts, message: Message) -> WholeMessage:
    messages = parts.database.messages
    transcript = await messages.transcript(message.id)
    return WholeMessage(
        **MessageOut.model_validate(message).model_dump(),
        **({} if transcript is None else _said(transcript)),
        history=[history_out(entry) for entry in await messages.history(message.id)],
    )


def _said(transcript: Transcript) -> dict[str, Any]:
    return {
        "transcript": transcript.text,
        "transcript_confidence": transcript.confidence,
        "corrected_by": transcript.corrected_by,
        "words": [
            [SpokenWordOut.model_validate(word) for word in segment.words] for segment in transcript.segments
        ],
        "reasons": [ReasonOut.model_validate(reason) for reason in transcript.reasons],
    }


def history_out(entry: HistoryEntry) -> HistoryOut:
    """An entry of a history as JSON."""
    return HistoryOut(
        at=entry.at, who=entry.who, action=entry.action, details=dict(entry.details), text=entry.text
    )
