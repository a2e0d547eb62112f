"""What may be suggested to callers, what was decided for each, what became of it, and whom never to ask."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from policy_db.columns import Amount, Json, UtcTime
from policy_db.tables.base import Base, Id


class OfferedProductRow(Base):
    """How a product is sold to callers: by whom, to whom, with which words, and what it earns.

    `selling` is `simple` (the hotline's own seat sells it) or `complex` (a licensed specialist of `line` does).
    `margin` is what one sale is expected to earn, `premium` a usual first year's premium, both in the product's currency.
    `limits`, `talk` (by language) and `reasons` (by feature, then language) are as `cross_sell.catalogue` describes them.
    """

    __tablename__ = "offered_products"
    __table_args__ = (
        CheckConstraint("selling IN ('simple', 'complex')", name="selling"),
        CheckConstraint("line IN ('life', 'health', 'property')", name="line"),
    )

    product: Mapped[str] = mapped_column(ForeignKey("products.code", ondelete="CASCADE"), primary_key=True)
    active: Mapped[bool]
    selling: Mapped[str] = mapped_column(String(10))
    line: Mapped[str] = mapped_column(String(10))
    licence: Mapped[str] = mapped_column(String(40))
    queue: Mapped[str] = mapped_column(String(64))
    margin: Mapped[Decimal] = mapped_column(Amount())
    premium: Mapped[Decimal] = mapped_column(Amount())
    limits: Mapped[dict[str, Any]] = mapped_column(Json)
    talk: Mapped[dict[str, Any]] = mapped_column(Json)
    reasons: Mapped[dict[str, Any]] = mapped_column(Json)
    changed_at: Mapped[datetime] = mapped_column(UtcTime)
    changed_by: Mapped[str] = mapped_column(String(100))
    version: Mapped[int]


class SuggestionRow(Base):
    """One decision about one caller in one call, with all that it was made from. Never changed.

    `gate` is the first gate that was shut for the caller as a whole (empty: none), `gates` every gate looked at. `arm`:
    `none` (nothing to offer), `offer`, `holdout` (eligible, and left alone to be compared with), `random` (a product by
    lot among the eligible). `propensity` is the chance that the rules in force gave to just this (arm and product);
    `offer_propensity` the chance that anything was offered. `candidates` are the eligible products with probability and
    value; `features` is what was known at `decided_at`, for learning from later.
    """

    __tablename__ = "suggestions"
    __table_args__ = (
        CheckConstraint("arm IN ('none', 'offer', 'holdout', 'random')", name="arm"),
        Index(None, "call_id", "decided_at"),
        Index(None, "customer", "decided_at"),
        Index(None, "decided_at"),
        Index(None, "arm", "decided_at"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    call_id: Mapped[str] = mapped_column(String(64))
    customer: Mapped[str] = mapped_column(String(20))
    policy: Mapped[str] = mapped_column(String(20))
    decided_at: Mapped[datetime] = mapped_column(UtcTime)
    language: Mapped[str] = mapped_column(String(20))
    gate: Mapped[str] = mapped_column(String(40))
    gates: Mapped[list[Any]] = mapped_column(Json)
    arm: Mapped[str] = mapped_column(String(10))
    product: Mapped[str] = mapped_column(String(10))
    probability: Mapped[float | None] = mapped_column(Float(53))
    propensity: Mapped[float | None] = mapped_column(Float(53))
    offer_propensity: Mapped[float | None] = mapped_column(Float(53))
    candidates: Mapped[list[Any]] = mapped_column(Json)
    reasons: Mapped[list[Any]] = mapped_column(Json)
    portfolio: Mapped[list[Any]] = mapped_column(Json)
    features: Mapped[dict[str, Any]] = mapped_column(Json)
    models: Mapped[dict[str, Any]] = mapped_column(Json)
    script: Mapped[str] = mapped_column(String(40))
    milliseconds: Mapped[float] = mapped_column(Float(53))


class ReferralRow(Base):
    """A suggestion on its way through people. `state` moves forward only; `refused`, `lost` and `declined` end it.

    `referred_by` is the seat who referred (empty: the hotline itself), `seat` who has it now, `coordinator` the named
    person for those that need several specialists. `premium` is the first year's of what was sold as `policy`.
    """

    __tablename__ = "referrals"
    __table_args__ = (
        CheckConstraint(
            "state IN ('flagged', 'offered', 'accepted', 'transferred', 'connected', 'quoted', 'sold', 'declined',"
            " 'refused', 'lost')",
            name="state",
        ),
        Index(None, "call_id"),
        Index(None, "customer", "flagged_at"),
        Index(None, "state", "flagged_at"),
        Index(None, "flagged_at"),
        Index(None, "seat", "state"),
        Index(None, "referred_by", "flagged_at"),
        Index(None, "coordinator", "state"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    suggestion: Mapped[str | None] = mapped_column(
        ForeignKey("suggestions.id", ondelete="SET NULL"), index=True
    )
    call_id: Mapped[str] = mapped_column(String(64))
    customer: Mapped[str] = mapped_column(String(20))
    product: Mapped[str] = mapped_column(String(10))
    also: Mapped[list[str]] = mapped_column(Json)
    script: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(12))
    flagged_at: Mapped[datetime] = mapped_column(UtcTime)
    changed_at: Mapped[datetime] = mapped_column(UtcTime)
    referred_by: Mapped[str] = mapped_column(String(64))
    seat: Mapped[str] = mapped_column(String(64))
    coordinator: Mapped[str] = mapped_column(String(64))
    policy: Mapped[str] = mapped_column(String(20))
    premium: Mapped[Decimal | None] = mapped_column(Amount())
    version: Mapped[int]


class ReferralStepRow(Base):
    """A step of a referral: when, by whom (`caller`, `hotline`, `seat:ID`, `user:NAME`), and a word about it."""

    __tablename__ = "referral_steps"

    referral: Mapped[str] = mapped_column(ForeignKey("referrals.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(String(12))
    at: Mapped[datetime] = mapped_column(UtcTime)
    who: Mapped[str] = mapped_column(String(100))
    note: Mapped[str] = mapped_column(Text)


class DoNotCallRow(Base):
    """Someone who wants no offers (`sales`) or no calls at all (`all`): a telephone number, a customer, or both."""

    __tablename__ = "do_not_call"
    __table_args__ = (
        CheckConstraint("scope IN ('sales', 'all')", name="scope"),
        CheckConstraint("number <> '' OR customer <> ''", name="someone"),
        Index(None, "number"),
        Index(None, "customer"),
    )

    id: Mapped[Id]
    number: Mapped[str] = mapped_column(String(64))
    customer: Mapped[str] = mapped_column(String(20))
    scope: Mapped[str] = mapped_column(String(10))
    since: Mapped[datetime] = mapped_column(UtcTime)
    until: Mapped[datetime | None] = mapped_column(UtcTime)
    source: Mapped[str] = mapped_column(String(100))
    removed_at: Mapped[datetime | None] = mapped_column(UtcTime)
    removed_by: Mapped[str] = mapped_column(String(100))
