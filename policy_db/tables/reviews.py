"""What staff make of messages and claim reports: who handles them, until when, what was noted and done.

What callers said stays in `recordings` and `claims`; a row here is added beside it and goes with it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from policy_db.columns import Json, UtcTime
from policy_db.tables.base import Base, Id
from policy_db.tables.calls import RecordingRow
from policy_db.tables.claims import ClaimRow

_CUSTOMER = "customers.id"
_POLICY = "policies.id"
_UNDONE = text("state IN ('waiting', 'running')")


class MessageRow(Base):
    """A caller's message on somebody's desk, one for a voicemail recording.

    `assignee` is a user's name, `salesperson` a salesperson's number; empty for nobody. `told_at` is when the assignee
    first saw it. `due_set` says that a person chose the moment in `due_at`, which else follows from mailbox and urgency.
    """

    __tablename__ = "messages"
    __table_args__ = (
        CheckConstraint("state IN ('new', 'open', 'done', 'archived')", name="state"),
        CheckConstraint("urgency IN ('normal', 'high', 'urgent')", name="urgency"),
        Index(None, "received_at", "recording_id"),
        Index(None, "state", "received_at"),
        Index(None, "state", "mailbox", "assignee", "due_at"),
        Index(None, "mailbox", "received_at"),
        Index(None, "assignee", "state"),
        Index(None, "salesperson", "state"),
        Index(None, "due_at", "received_at", "recording_id"),
        Index(None, "customer_id"),
        Index(None, "policy_id"),
        Index(None, "claim_id"),
    )

    recording_id: Mapped[str] = mapped_column(
        ForeignKey("recordings.id", ondelete="CASCADE"), primary_key=True
    )
    mailbox: Mapped[str] = mapped_column(String(64))
    received_at: Mapped[datetime] = mapped_column(UtcTime)
    state: Mapped[str] = mapped_column(String(10))
    category: Mapped[str] = mapped_column(String(40))
    urgency: Mapped[str] = mapped_column(String(10))
    assignee: Mapped[str] = mapped_column(String(64))
    salesperson: Mapped[str] = mapped_column(String(20))
    told_at: Mapped[datetime | None] = mapped_column(UtcTime)
    due_at: Mapped[datetime | None] = mapped_column(UtcTime)
    due_set: Mapped[bool]
    customer_id: Mapped[int | None] = mapped_column(ForeignKey(_CUSTOMER, ondelete="SET NULL"))
    policy_id: Mapped[int | None] = mapped_column(ForeignKey(_POLICY, ondelete="SET NULL"))
    claim_id: Mapped[str | None] = mapped_column(ForeignKey("claims.id", ondelete="SET NULL"))
    done_at: Mapped[datetime | None] = mapped_column(UtcTime)
    changed_at: Mapped[datetime] = mapped_column(UtcTime)
    changed_by: Mapped[str] = mapped_column(String(64))
    version: Mapped[int]


class MessageEventRow(Base):
    """Something that was done to a message: `action` says what, `details` from what to what, `text` is a note."""

    __tablename__ = "message_history"
    __table_args__ = (Index(None, "recording_id", "id"),)

    id: Mapped[Id]
    recording_id: Mapped[str] = mapped_column(ForeignKey("messages.recording_id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcTime)
    who: Mapped[str] = mapped_column(String(100))
    action: Mapped[str] = mapped_column(String(20))
    details: Mapped[dict[str, Any]] = mapped_column(Json)
    text: Mapped[str] = mapped_column(Text)


class MessageCategoryRow(Base):
    """What messages are about, as the company sorts them; `titles` by language."""

    __tablename__ = "message_categories"

    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    titles: Mapped[dict[str, str]] = mapped_column(Json)
    active: Mapped[bool]
    position: Mapped[int]


class DueRuleRow(Base):
    """Working hours within which messages of a mailbox and urgency are to be answered; mailbox `*` is any other."""

    __tablename__ = "due_rules"

    mailbox: Mapped[str] = mapped_column(String(64), primary_key=True)
    urgency: Mapped[str] = mapped_column(String(10), primary_key=True)
    hours: Mapped[float] = mapped_column(Float(53))


class TranscriptRow(Base):
    """What a recording says, in writing; `confidence` from 0 to 1 is the recogniser's own.

    `segments` are lists of words as `[text, confidence, start, end]`; `reasons` are `[phrase, urgency, at, confidence]`,
    from which `urgency` follows.
    """

    __tablename__ = "transcripts"
    __table_args__ = (CheckConstraint("urgency IN ('normal', 'high', 'urgent')", name="urgency"),)

    recording_id: Mapped[str] = mapped_column(
        ForeignKey("recordings.id", ondelete="CASCADE"), primary_key=True
    )
    text: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(String(20))
    confidence: Mapped[float] = mapped_column(Float(53))
    engine: Mapped[str] = mapped_column(String(100))
    at: Mapped[datetime] = mapped_column(UtcTime)
    segments: Mapped[list[Any]] = mapped_column(Json)
    urgency: Mapped[str] = mapped_column(String(10))
    reasons: Mapped[list[Any]] = mapped_column(Json)
    corrected_by: Mapped[str] = mapped_column(String(64))
    corrected_at: Mapped[datetime | None] = mapped_column(UtcTime)


class TranscriptionRow(Base):
    """The work of writing a recording down: `holder` has it until `until`; it is tried from `due_at` on."""

    __tablename__ = "transcriptions"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'running', 'done', 'failed')", name="state"),
        Index("ix_transcriptions_open", "due_at", sqlite_where=_UNDONE, postgresql_where=_UNDONE),
    )

    recording_id: Mapped[str] = mapped_column(
        ForeignKey("recordings.id", ondelete="CASCADE"), primary_key=True
    )
    state: Mapped[str] = mapped_column(String(10))
    tries: Mapped[int]
    holder: Mapped[str] = mapped_column(String(64))
    until: Mapped[datetime | None] = mapped_column(UtcTime)
    due_at: Mapped[datetime] = mapped_column(UtcTime)
    problem: Mapped[str] = mapped_column(String(200))
    done_at: Mapped[datetime | None] = mapped_column(UtcTime)


class CallBackRow(Base):
    """A promise to call somebody back, about a message or a claim: asked for by `who`, done with an outcome."""

    __tablename__ = "call_backs"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'reached', 'not_reached', 'cancelled')", name="state"),
        Index(None, "recording_id"),
        Index(None, "claim_id"),
        Index(None, "who", "state"),
    )

    id: Mapped[Id]
    recording_id: Mapped[str | None] = mapped_column(ForeignKey("messages.recording_id", ondelete="CASCADE"))
    claim_id: Mapped[str | None] = mapped_column(ForeignKey("claims.id", ondelete="CASCADE"))
    number: Mapped[str] = mapped_column(String(64))
    who: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(12))
    asked_at: Mapped[datetime] = mapped_column(UtcTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcTime)


class ClaimReviewRow(Base):
    """How a claim is handled. `checked_how` says how a person made sure of the caller, where the hotline was not."""

    __tablename__ = "claim_reviews"
    __table_args__ = (Index(None, "adjuster"),)

    claim_id: Mapped[str] = mapped_column(ForeignKey("claims.id", ondelete="CASCADE"), primary_key=True)
    adjuster: Mapped[str] = mapped_column(String(64))
    opened_at: Mapped[datetime | None] = mapped_column(UtcTime)
    checked_by: Mapped[str] = mapped_column(String(64))
    checked_at: Mapped[datetime | None] = mapped_column(UtcTime)
    checked_how: Mapped[str] = mapped_column(String(400))
    changed_at: Mapped[datetime] = mapped_column(UtcTime)
    changed_by: Mapped[str] = mapped_column(String(64))
    version: Mapped[int]


class ClaimEventRow(Base):
    """Something that was done to a claim: `action` says what, `details` from what to what, `text` is a note or reason."""

    __tablename__ = "claim_history"
    __table_args__ = (Index(None, "claim_id", "id"),)

    id: Mapped[Id]
    claim_id: Mapped[str] = mapped_column(ForeignKey("claims.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcTime)
    who: Mapped[str] = mapped_column(String(100))
    action: Mapped[str] = mapped_column(String(20))
    details: Mapped[dict[str, Any]] = mapped_column(Json)
    text: Mapped[str] = mapped_column(Text)


# How the inboxes read tables that others write.
Index("ix_recordings_purpose_started_at", RecordingRow.purpose, RecordingRow.started_at)
Index("ix_claims_status_begun_at", ClaimRow.status, ClaimRow.begun_at)
Index("ix_claims_begun_at", ClaimRow.begun_at)
