"""Queues, seats, and the calls between them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from policy_db.columns import Json, UtcTime
from policy_db.tables.base import Base, Id

_SECONDS = Float(53)
_OPEN = text("state IN ('waiting', 'offered', 'connected', 'callback')")
_AT_SEAT = text("state IN ('offered', 'connected')")
_MAIN = text("part = 'main'")


class QueueRow(Base):
    """A queue and its rules; `week` is null for the company's own hours."""

    __tablename__ = "queues"
    __table_args__ = (
        CheckConstraint("strategy IN ('longest_idle', 'round_robin', 'last_seat_first')", name="strategy"),
    )

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    titles: Mapped[dict[str, str]] = mapped_column(Json)
    skills: Mapped[dict[str, int]] = mapped_column(Json)
    licences: Mapped[list[str]] = mapped_column(Json)
    strategy: Mapped[str] = mapped_column(String(20))
    best_first: Mapped[bool]
    priority: Mapped[int]
    ageing_seconds: Mapped[float] = mapped_column(_SECONDS)
    ring_seconds: Mapped[float] = mapped_column(_SECONDS)
    wrap_up_seconds: Mapped[float] = mapped_column(_SECONDS)
    service_level_seconds: Mapped[float] = mapped_column(_SECONDS)
    patience_seconds: Mapped[float] = mapped_column(_SECONDS)
    most_waiting: Mapped[int]
    overflow_to: Mapped[str | None] = mapped_column(
        ForeignKey("queues.name", deferrable=True, initially="DEFERRED")  # two may overflow to one another
    )
    overflow_seconds: Mapped[float] = mapped_column(_SECONDS)
    week: Mapped[dict[str, Any] | None] = mapped_column(Json)
    leave_by_key: Mapped[bool]
    call_back: Mapped[bool]


class SeatRow(Base):
    """A seat. A call has one main seat at most; the database itself sees to it."""

    __tablename__ = "seats"
    __table_args__ = (
        CheckConstraint(
            "state IN ('ready', 'ringing', 'talking', 'wrap_up', 'paused', 'do_not_disturb', 'away', 'offline')",
            name="state",
        ),
        CheckConstraint("(state IN ('ringing', 'talking')) = (call_id IS NOT NULL)", name="call"),
        Index("uq_seats_main", "call_id", unique=True, sqlite_where=_MAIN, postgresql_where=_MAIN),
        Index(None, "call_id"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    address: Mapped[str] = mapped_column(String(200))
    languages: Mapped[list[str]] = mapped_column(Json)
    skills: Mapped[dict[str, int]] = mapped_column(Json)
    licences: Mapped[list[str]] = mapped_column(Json)
    mailbox: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(100))
    since: Mapped[datetime | None] = mapped_column(UtcTime)
    idle_since: Mapped[datetime | None] = mapped_column(UtcTime)
    rung_at: Mapped[datetime | None] = mapped_column(UtcTime)
    call_id: Mapped[str | None] = mapped_column(String(64))
    part: Mapped[str] = mapped_column(String(12))
    worker: Mapped[str] = mapped_column(String(64))
    lease_until: Mapped[datetime | None] = mapped_column(UtcTime)
    missed: Mapped[int]
    forward_to: Mapped[str] = mapped_column(String(200))
    wrap_up_until: Mapped[datetime | None] = mapped_column(UtcTime)
    afterwards: Mapped[str | None] = mapped_column(String(16))
    afterwards_reason: Mapped[str] = mapped_column(String(100))
    version: Mapped[int]


class WaitingCallRow(Base):
    """A call's place in a line, open or ended. A call has one open place, a seat one call at most."""

    __tablename__ = "waiting_calls"
    __table_args__ = (
        CheckConstraint(
            "state IN ('waiting', 'offered', 'connected', 'callback', 'left', 'abandoned', 'voicemail',"
            " 'overflowed', 'ended')",
            name="state",
        ),
        Index("uq_waiting_calls_open", "call_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index(
            "uq_waiting_calls_seat", "seat_id", unique=True, sqlite_where=_AT_SEAT, postgresql_where=_AT_SEAT
        ),
        Index(None, "state", "worker"),
        Index(None, "queue", "ended_at"),
        Index(None, "caller", "ended_at"),
        Index(None, "customer", "ended_at"),
        Index(None, "call_id", "entered_at"),
        Index(None, "queued_at"),
        Index(None, "seat_id", "queued_at"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    call_id: Mapped[str] = mapped_column(String(64))
    queue: Mapped[str] = mapped_column(ForeignKey("queues.name"))
    entered_at: Mapped[datetime] = mapped_column(UtcTime)
    queued_at: Mapped[datetime] = mapped_column(UtcTime)
    caller: Mapped[str] = mapped_column(String(64))
    customer: Mapped[str] = mapped_column(String(20))
    policy: Mapped[str] = mapped_column(String(40))
    language: Mapped[str] = mapped_column(String(20))
    skills: Mapped[dict[str, int]] = mapped_column(Json)
    priority: Mapped[int]
    state: Mapped[str] = mapped_column(String(12))
    seat_id: Mapped[str | None] = mapped_column(ForeignKey("seats.id"))
    preferred_seat: Mapped[str | None] = mapped_column(String(64))
    tried: Mapped[list[str]] = mapped_column(Json)
    tried_at: Mapped[datetime | None] = mapped_column(UtcTime)
    visited: Mapped[list[str]] = mapped_column(Json)
    worker: Mapped[str] = mapped_column(String(64))
    lease_until: Mapped[datetime | None] = mapped_column(UtcTime)
    call_back_to: Mapped[str] = mapped_column(String(64))
    attempts: Mapped[int]
    not_before: Mapped[datetime | None] = mapped_column(UtcTime)
    offered_at: Mapped[datetime | None] = mapped_column(UtcTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)
    outcome: Mapped[str] = mapped_column(String(40))
    apologised_at: Mapped[datetime | None] = mapped_column(UtcTime)
    version: Mapped[int]


class SeatMoveRow(Base):
    """One change of a seat's state: when, from what to what, why, with which call, by whom."""

    __tablename__ = "seat_history"
    __table_args__ = (Index(None, "seat_id", "at"), Index(None, "at"))

    id: Mapped[Id]
    at: Mapped[datetime] = mapped_column(UtcTime)
    seat_id: Mapped[str] = mapped_column(ForeignKey("seats.id", ondelete="CASCADE"))
    before: Mapped[str] = mapped_column(String(16))
    after: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(100))
    call_id: Mapped[str] = mapped_column(String(64))
    who: Mapped[str] = mapped_column(String(100))


class SeatPauseRow(Base):
    """A pause of a seat, from when to when and by whom."""

    __tablename__ = "seat_pauses"
    __table_args__ = (Index(None, "seat_id", "began_at"),)

    id: Mapped[Id]
    seat_id: Mapped[str] = mapped_column(ForeignKey("seats.id", ondelete="CASCADE"))
    reason: Mapped[str] = mapped_column(String(100))
    began_at: Mapped[datetime] = mapped_column(UtcTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)
    who: Mapped[str] = mapped_column(String(100))
