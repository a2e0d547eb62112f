"""Campaigns, the people in them, every attempt to reach one, what was promised, and messages that wait to be sent."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from policy_db.columns import Amount, Json, UtcTime
from policy_db.tables.base import Base, Id

_UNDER_WAY = text("state <> 'ended'")
_UNSETTLED = text("state = 'ended' AND settled_at IS NULL")


class CampaignRow(Base):
    """A reason to call many people: how, when, how often. `rules` and `selection` are as `ivr.outreach.rules` reads them.

    `problem` says what keeps a running campaign from dialling (a line that cannot be reached), empty if nothing does.
    """

    __tablename__ = "campaigns"
    __table_args__ = (
        CheckConstraint("state IN ('draft', 'running', 'paused', 'stopped', 'done')", name="state"),
        Index(None, "state", "priority"),
        Index(None, "created_at"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    kind: Mapped[str] = mapped_column(String(20))
    flow: Mapped[str] = mapped_column(String(64))
    line: Mapped[str] = mapped_column(String(20))
    caller: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(10))
    priority: Mapped[int]
    rules: Mapped[dict[str, Any]] = mapped_column(Json)
    selection: Mapped[dict[str, Any]] = mapped_column(Json)
    problem: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    created_by: Mapped[str] = mapped_column(String(100))
    started_at: Mapped[datetime | None] = mapped_column(UtcTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)
    version: Mapped[int]


class CampaignPersonRow(Base):
    """Somebody to be called, or not: `excluded` says why not. `zone` is one or more time zones, by comma.

    `attempts` counts those that may have rung; `next_at` is when the next one is due, whatever the hour is there.
    """

    __tablename__ = "campaign_people"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'calling', 'done', 'excluded')", name="state"),
        Index(None, "campaign", "state", "zone", "next_at"),
        Index(None, "campaign", "outcome"),
        Index(None, "number"),
        Index(None, "customer"),
        Index(None, "policy"),
    )

    id: Mapped[Id]
    campaign: Mapped[str] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"))
    number: Mapped[str] = mapped_column(String(64))
    customer: Mapped[str] = mapped_column(String(20))
    policy: Mapped[str] = mapped_column(String(20))
    zone: Mapped[str] = mapped_column(String(400))
    language: Mapped[str] = mapped_column(String(20))
    facts: Mapped[dict[str, Any]] = mapped_column(Json)
    excluded: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(10))
    outcome: Mapped[str] = mapped_column(String(20))
    attempts: Mapped[int]
    next_at: Mapped[datetime | None] = mapped_column(UtcTime)


class CampaignAttemptRow(Base):
    """One attempt to reach somebody, written before anything is dialled; its id is the key by which it is dialled once.

    `state` only moves forward. `holder` is the process that has it: the dialler, then the worker. `disposition` is what
    the person said or did, noted as it happened; `outcome` how the attempt ended; `settled_at` when the list was told.
    """

    __tablename__ = "campaign_attempts"
    __table_args__ = (
        CheckConstraint(
            "state IN ('planned', 'submitting', 'submission_unknown', 'submitted', 'ringing', 'answered', 'ended')",
            name="state",
        ),
        Index(None, "person", "seq", unique=True),
        Index(None, "campaign", "planned_at"),
        Index(None, "campaign", "outcome"),
        Index(None, "number", "planned_at"),
        Index(None, "policy", "planned_at"),
        Index(None, "customer", "planned_at"),
        Index(None, "call_id"),
        Index(None, "carrier_id"),
        Index(
            "ix_campaign_attempts_under_way",
            "planned_at",
            sqlite_where=_UNDER_WAY,
            postgresql_where=_UNDER_WAY,
        ),
        Index(
            "ix_campaign_attempts_unsettled", "ended_at", sqlite_where=_UNSETTLED, postgresql_where=_UNSETTLED
        ),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    campaign: Mapped[str] = mapped_column(ForeignKey("campaigns.id", ondelete="CASCADE"))
    person: Mapped[int] = mapped_column(ForeignKey("campaign_people.id", ondelete="CASCADE"))
    seq: Mapped[int]
    number: Mapped[str] = mapped_column(String(64))
    customer: Mapped[str] = mapped_column(String(20))
    policy: Mapped[str] = mapped_column(String(20))
    line: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20))
    outcome: Mapped[str] = mapped_column(String(20))
    disposition: Mapped[str] = mapped_column(String(20))
    answered_by: Mapped[str] = mapped_column(String(20))
    holder: Mapped[str] = mapped_column(String(100))
    carrier_id: Mapped[str] = mapped_column(String(100))
    call_id: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    planned_at: Mapped[datetime] = mapped_column(UtcTime)
    submitted_at: Mapped[datetime | None] = mapped_column(UtcTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)
    settled_at: Mapped[datetime | None] = mapped_column(UtcTime)
    #: When the person wants to be called again.
    later_at: Mapped[datetime | None] = mapped_column(UtcTime)


class PromiseRow(Base):
    """A promise to pay by a day, made in a call: kept when the premium came in, broken when the day has passed."""

    __tablename__ = "promises"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'kept', 'broken', 'withdrawn')", name="state"),
        Index(None, "state", "pay_on"),
        Index(None, "policy"),
        Index(None, "customer"),
        Index(None, "attempt", unique=True),
    )

    id: Mapped[Id]
    attempt: Mapped[str] = mapped_column(String(40))
    campaign: Mapped[str] = mapped_column(String(40))
    customer: Mapped[str] = mapped_column(String(20))
    policy: Mapped[str] = mapped_column(String(20))
    due_on: Mapped[date]
    pay_on: Mapped[date]
    amount: Mapped[Decimal] = mapped_column(Amount())
    currency: Mapped[str] = mapped_column(String(3))
    made_at: Mapped[datetime] = mapped_column(UtcTime)
    state: Mapped[str] = mapped_column(String(10))
    settled_at: Mapped[datetime | None] = mapped_column(UtcTime)


class OutboxRow(Base):
    """A message that somebody asked for and that is to be sent; `key` makes asking twice one message.

    `until` is how long the process that sends it now may take.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'sending', 'sent', 'failed')", name="state"),
        Index(None, "key", unique=True),
        Index(None, "state", "next_at"),
        Index(None, "customer"),
        Index(None, "policy"),
        Index(None, "address"),
        Index(None, "created_at"),
    )

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(100))
    kind: Mapped[str] = mapped_column(String(40))
    channel: Mapped[str] = mapped_column(String(10))
    address: Mapped[str] = mapped_column(String(200))
    language: Mapped[str] = mapped_column(String(20))
    customer: Mapped[str] = mapped_column(String(20))
    policy: Mapped[str] = mapped_column(String(20))
    call_id: Mapped[str] = mapped_column(String(64))
    facts: Mapped[dict[str, Any]] = mapped_column(Json)
    state: Mapped[str] = mapped_column(String(10))
    tries: Mapped[int]
    next_at: Mapped[datetime] = mapped_column(UtcTime)
    until: Mapped[datetime | None] = mapped_column(UtcTime)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcTime)
    problem: Mapped[str] = mapped_column(Text)
