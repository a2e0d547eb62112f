"""Talks between callers and people: their recording, what was noted afterwards, and meet-me rooms."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from policy_db.columns import Json, UtcTime
from policy_db.tables.base import Base, Id


class TalkRow(Base):
    """A caller's talk with one seat after another. `recording` is null where it was not recorded.

    `spans` are the stretches in which the recording holds silence: `at` and `to` (seconds), `why`, `by`.
    """

    __tablename__ = "talks"
    __table_args__ = (
        CheckConstraint("consent IN ('off', 'unannounced', 'announced', 'asked', 'refused')", name="consent"),
        Index(None, "call_id", "started_at"),
        Index(None, "recording"),
        Index(None, "worker", "ended_at"),
    )

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    call_id: Mapped[str] = mapped_column(String(64))
    worker: Mapped[str] = mapped_column(String(64))
    queue: Mapped[str] = mapped_column(String(64))
    recording: Mapped[str | None] = mapped_column(String(80))
    consent: Mapped[str] = mapped_column(String(12))
    started_at: Mapped[datetime] = mapped_column(UtcTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)
    seconds: Mapped[float] = mapped_column(Float(53))
    spans: Mapped[list[dict[str, Any]]] = mapped_column(Json)


class TalkSeatRow(Base):
    """A seat that took part in a talk, from when to when."""

    __tablename__ = "talk_seats"
    __table_args__ = (Index(None, "talk_id", "joined_at"), Index(None, "seat_id", "joined_at"))

    id: Mapped[Id]
    talk_id: Mapped[str] = mapped_column(ForeignKey("talks.id", ondelete="CASCADE"))
    seat_id: Mapped[str] = mapped_column(String(64))
    joined_at: Mapped[datetime] = mapped_column(UtcTime)
    left_at: Mapped[datetime | None] = mapped_column(UtcTime)


class DispositionRow(Base):
    """What a talk came to, as the company sorts them; `titles` by language."""

    __tablename__ = "dispositions"

    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    titles: Mapped[dict[str, str]] = mapped_column(Json)
    active: Mapped[bool]
    position: Mapped[int]


class WrapUpRow(Base):
    """What a seat noted after a call: once for a call and seat, a later word replaces the earlier."""

    __tablename__ = "wrap_ups"
    __table_args__ = (
        Index("uq_wrap_ups_call_id_seat_id", "call_id", "seat_id", unique=True),
        Index(None, "seat_id", "saved_at"),
        Index(None, "disposition", "saved_at"),
    )

    id: Mapped[Id]
    call_id: Mapped[str] = mapped_column(String(64))
    seat_id: Mapped[str] = mapped_column(String(64))
    user: Mapped[str] = mapped_column(String(100))
    disposition: Mapped[str] = mapped_column(ForeignKey("dispositions.code"))
    note: Mapped[str] = mapped_column(Text)
    began_at: Mapped[datetime] = mapped_column(UtcTime)
    saved_at: Mapped[datetime] = mapped_column(UtcTime)


class RoomRow(Base):
    """A meet-me room. `host` is the worker whose process holds the meeting, until its lease ends."""

    __tablename__ = "rooms"
    __table_args__ = (CheckConstraint("capacity BETWEEN 2 AND 100", name="capacity"),)

    number: Mapped[str] = mapped_column(String(12), primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    pin_hash: Mapped[str] = mapped_column(String(200))
    moderator_hash: Mapped[str] = mapped_column(String(200))
    capacity: Mapped[int]
    waits: Mapped[bool]
    ends: Mapped[bool]
    active: Mapped[bool]
    locked: Mapped[bool]
    host: Mapped[str] = mapped_column(String(64))
    host_until: Mapped[datetime | None] = mapped_column(UtcTime)
    present: Mapped[int]
