"""Calls and what came of them: timeline, recordings, documents, preferences, audit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, String, Text, false, text
from sqlalchemy.orm import Mapped, mapped_column

from policy_db.columns import Json, UtcTime
from policy_db.tables.base import Base, Id

_RUNNING = text("state = 'running'")


class CallRow(Base):
    """A call from ring to end. `worker` is the process that has it.

    `outbound`: the hotline made it; `caller` is the number of the other side all the same, `called` is ours.
    Where it is, or was last: `step` (`flow.step`), entered `step_at` seconds after it was answered. `asked` says that a
    person was asked for; `missed` counts silences and keys that fitted nothing, `faults` what went wrong on our side.
    `rang` are the seconds from its first ring (INVITE) to our answer (200); `apologised` that it was answered late and
    the caller heard an apology for that. How it was heard, where the line could tell: `mos` (1 to 4.5), `loss` (share
    of packets), `jitter_ms`.
    """

    __tablename__ = "calls"
    __table_args__ = (
        CheckConstraint("state IN ('running', 'finished', 'broken_off')", name="state"),
        Index(None, "worker", "state"),
        Index(
            "ix_calls_uncounted",
            "ended_at",
            postgresql_where=text("counted = false"),
            sqlite_where=text("counted = 0"),
        ),
        Index("ix_calls_running", "started_at", sqlite_where=_RUNNING, postgresql_where=_RUNNING),
        Index(None, "ended_at"),
        Index(None, "caller", "started_at"),
        Index(None, "end_reason", "started_at"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    worker: Mapped[str] = mapped_column(String(64))
    channel: Mapped[str] = mapped_column(String(20))
    caller: Mapped[str] = mapped_column(String(64), index=True)
    called: Mapped[str] = mapped_column(String(64))
    language: Mapped[str] = mapped_column(String(20))
    level: Mapped[int]
    flow: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(12))
    started_at: Mapped[datetime] = mapped_column(UtcTime, index=True)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)
    end_reason: Mapped[str] = mapped_column(String(40))
    policy_id: Mapped[int | None] = mapped_column(ForeignKey("policies.id"), index=True)
    mos: Mapped[float | None] = mapped_column(Float(53))
    loss: Mapped[float | None] = mapped_column(Float(53))
    jitter_ms: Mapped[float | None] = mapped_column(Float(53))
    #: Whether its steps are in `flow_counts`.
    counted: Mapped[bool] = mapped_column(default=False, server_default=false())
    step: Mapped[str] = mapped_column(String(130), default="", server_default="")
    step_at: Mapped[float | None] = mapped_column(Float(53))
    asked: Mapped[bool] = mapped_column(default=False, server_default=false())
    missed: Mapped[int] = mapped_column(default=0, server_default="0")
    faults: Mapped[int] = mapped_column(default=0, server_default="0")
    outbound: Mapped[bool] = mapped_column(default=False, server_default=false())
    rang: Mapped[float | None] = mapped_column(Float(53))
    apologised: Mapped[bool] = mapped_column(default=False, server_default=false())


class CallFlowRow(Base):
    """A flow that a call has been in."""

    __tablename__ = "call_flows"
    __table_args__ = (Index(None, "flow"),)

    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True)
    flow: Mapped[str] = mapped_column(String(64), primary_key=True)


class CallEventRow(Base):
    """One entry of a call's timeline; never changed once written."""

    __tablename__ = "call_events"

    call_id: Mapped[str] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[float] = mapped_column(Float(53))
    kind: Mapped[str] = mapped_column(String(40))
    data: Mapped[dict[str, Any]] = mapped_column(Json)


class RecordingRow(Base):
    """Something a caller said: voicemail, an answer of a claim report, or a whole call."""

    __tablename__ = "recordings"
    __table_args__ = (
        CheckConstraint("state IN ('recording', 'kept', 'discarded', 'broken_off')", name="state"),
        Index(None, "worker", "state"),
        Index(None, "mailbox", "state", "started_at"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(20))
    call_id: Mapped[str] = mapped_column(String(64), index=True)
    worker: Mapped[str] = mapped_column(String(64))
    claim_id: Mapped[str | None] = mapped_column(ForeignKey("claims.id", ondelete="SET NULL"), index=True)
    mailbox: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(String(100))
    caller: Mapped[str] = mapped_column(String(64))
    level: Mapped[int]
    file: Mapped[str] = mapped_column(String(400))
    seconds: Mapped[float] = mapped_column(Float(53))
    size: Mapped[int]
    state: Mapped[str] = mapped_column(String(12))
    why: Mapped[str] = mapped_column(String(20))
    confirmed: Mapped[bool]
    started_at: Mapped[datetime] = mapped_column(UtcTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)


class PreferenceRow(Base):
    """What a telephone number is remembered for."""

    __tablename__ = "preferences"

    caller: Mapped[str] = mapped_column(String(64), primary_key=True)
    language: Mapped[str] = mapped_column(String(20))
    updated_at: Mapped[datetime] = mapped_column(UtcTime)


class DocumentRow(Base):
    """A document made for a policy, claim or caller, and how it goes out.

    `facts` are what it is made of beside them (a caller's choices), `made_by` who asked for it on the console (empty:
    a caller), `batch` the batch of letters it was printed in.
    """

    __tablename__ = "documents"
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'sent', 'failed')", name="state"),
        Index(None, "created_at"),
        Index(None, "customer"),
        Index(None, "claim"),
        Index(None, "batch"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40))
    policy_id: Mapped[int | None] = mapped_column(ForeignKey("policies.id"), index=True)
    call_id: Mapped[str] = mapped_column(String(64), index=True)
    language: Mapped[str] = mapped_column(String(20))
    file: Mapped[str] = mapped_column(String(400))
    channel: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(10))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    customer: Mapped[str] = mapped_column(String(20), default="", server_default="")
    claim: Mapped[str] = mapped_column(String(20), default="", server_default="")
    facts: Mapped[dict[str, Any]] = mapped_column(Json, default=dict, server_default="{}")
    problem: Mapped[str] = mapped_column(String(200), default="", server_default="")
    sent_at: Mapped[datetime | None] = mapped_column(UtcTime)
    made_by: Mapped[str] = mapped_column(String(100), default="", server_default="")
    batch: Mapped[int | None]


class AuditRow(Base):
    """Who did what; rows are only ever added (a trigger refuses anything else)."""

    __tablename__ = "audit"
    __table_args__ = (
        Index(None, "subject", "at"),
        Index(None, "actor", "at"),
        Index(None, "action", "at"),
        Index(None, "at"),
    )

    id: Mapped[Id]
    at: Mapped[datetime] = mapped_column(UtcTime)
    actor: Mapped[str] = mapped_column(String(100))
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(100))
    details: Mapped[dict[str, Any]] = mapped_column(Json)
    call_id: Mapped[str] = mapped_column(Text)
