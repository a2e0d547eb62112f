"""Policies, what they cover and for whom, and what is paid for them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from policy_db.columns import Amount, UtcTime
from policy_db.tables.base import Base, Id


class PolicyRow(Base):
    """A policy. Its status is not stored: it follows from these dates, the instalments and the day.

    `premium` is one instalment. `ends_on` is the last day of cover, null for whole life.
    """

    __tablename__ = "policies"
    __table_args__ = (
        CheckConstraint("frequency IN ('monthly', 'quarterly', 'yearly', 'single')", name="frequency"),
        Index(None, "started_on"),
    )

    id: Mapped[Id]
    number: Mapped[str] = mapped_column(String(20), unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), index=True)
    salesperson_id: Mapped[int | None] = mapped_column(ForeignKey("salespeople.id"), index=True)
    insured: Mapped[str] = mapped_column(String(100))
    sum_insured: Mapped[Decimal] = mapped_column(Amount())
    premium: Mapped[Decimal] = mapped_column(Amount())
    currency: Mapped[str] = mapped_column(String(3))
    frequency: Mapped[str] = mapped_column(String(10))
    started_on: Mapped[date]
    ends_on: Mapped[date | None]
    surrendered_on: Mapped[date | None]
    created_at: Mapped[datetime] = mapped_column(UtcTime)


class CoverageRow(Base):
    """One benefit of a policy."""

    __tablename__ = "coverages"

    id: Mapped[Id]
    policy_id: Mapped[int] = mapped_column(ForeignKey("policies.id", ondelete="CASCADE"), index=True)
    position: Mapped[int]
    key: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(100))
    sum_insured: Mapped[Decimal] = mapped_column(Amount())
    deductible: Mapped[Decimal] = mapped_column(Amount())


class BeneficiaryRow(Base):
    """Who receives a benefit, with a share in per cent within a rank."""

    __tablename__ = "beneficiaries"

    id: Mapped[Id]
    policy_id: Mapped[int] = mapped_column(ForeignKey("policies.id", ondelete="CASCADE"), index=True)
    rank: Mapped[int]
    name: Mapped[str] = mapped_column(String(100))
    relation: Mapped[str] = mapped_column(String(40))
    share: Mapped[Decimal] = mapped_column(Amount(5, 2))


class InstalmentRow(Base):
    """A premium due on a day. `paid` is the sum of its payments, kept in the same transaction as they are."""

    __tablename__ = "instalments"
    __table_args__ = (
        CheckConstraint("paid >= 0 AND paid <= amount", name="paid"),
        Index(None, "policy_id", "due_on", unique=True),
    )

    id: Mapped[Id]
    policy_id: Mapped[int] = mapped_column(ForeignKey("policies.id", ondelete="CASCADE"))
    due_on: Mapped[date]
    amount: Mapped[Decimal] = mapped_column(Amount())
    paid: Mapped[Decimal] = mapped_column(Amount())
    paid_on: Mapped[date | None]


class PaymentRow(Base):
    """Money that came in for an instalment. One transfer for several instalments has several rows."""

    __tablename__ = "payments"
    __table_args__ = (Index(None, "reference", "instalment_id", unique=True),)

    id: Mapped[Id]
    instalment_id: Mapped[int] = mapped_column(ForeignKey("instalments.id", ondelete="CASCADE"), index=True)
    amount: Mapped[Decimal] = mapped_column(Amount())
    paid_on: Mapped[date]
    method: Mapped[str] = mapped_column(String(20))
    reference: Mapped[str] = mapped_column(String(64))
