"""Customers and salespeople, what they agreed to, and attempts to pass for one of them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from policy_db.columns import Amount, UtcTime
from policy_db.tables.base import Base, Id


class CustomerRow(Base):
    """A customer. The ID number is encrypted; hashes of the whole and of its last six are keyed."""

    __tablename__ = "customers"
    __table_args__ = (CheckConstraint("sex IN ('m', 'f')", name="sex"), Index(None, "name"))

    id: Mapped[Id]
    number: Mapped[str] = mapped_column(String(20), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    sex: Mapped[str] = mapped_column(String(1))
    born_on: Mapped[date]
    id_cipher: Mapped[bytes] = mapped_column(LargeBinary)
    id_hash: Mapped[bytes] = mapped_column(LargeBinary, index=True)
    id_tail_hash: Mapped[bytes] = mapped_column(LargeBinary)
    pin_hash: Mapped[str | None] = mapped_column(String(200))
    phone: Mapped[str] = mapped_column(String(20), index=True)
    email: Mapped[str] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(String(200))
    province: Mapped[str] = mapped_column(String(50))
    city: Mapped[str] = mapped_column(String(50))
    postcode: Mapped[str] = mapped_column(String(20))
    occupation: Mapped[str] = mapped_column(String(50))
    language: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(UtcTime)


class ConsentRow(Base):
    """A customer's yes or no to a purpose; the latest counts, the earlier ones stay as evidence."""

    __tablename__ = "consents"
    __table_args__ = (Index(None, "customer_id", "purpose", "at"),)

    id: Mapped[Id]
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id", ondelete="CASCADE"))
    purpose: Mapped[str] = mapped_column(String(40))
    given: Mapped[bool]
    at: Mapped[datetime] = mapped_column(UtcTime)
    source: Mapped[str] = mapped_column(String(100))


class SalespersonRow(Base):
    """A salesperson, who enters by number and PIN."""

    __tablename__ = "salespeople"
    __table_args__ = (Index(None, "name"),)

    id: Mapped[Id]
    number: Mapped[str] = mapped_column(String(20), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    phone: Mapped[str] = mapped_column(String(20), index=True)
    email: Mapped[str] = mapped_column(String(200))
    branch: Mapped[str] = mapped_column(String(100))
    hired_on: Mapped[date]
    left_on: Mapped[date | None]
    pin_hash: Mapped[str | None] = mapped_column(String(200))


class CommissionRow(Base):
    """A commission earned in a month (its first day), paid when `paid_on` is set; negative if clawed back."""

    __tablename__ = "commissions"
    __table_args__ = (Index(None, "salesperson_id", "month"),)

    id: Mapped[Id]
    salesperson_id: Mapped[int] = mapped_column(ForeignKey("salespeople.id", ondelete="CASCADE"))
    policy_id: Mapped[int | None] = mapped_column(ForeignKey("policies.id", ondelete="SET NULL"), index=True)
    month: Mapped[date]
    kind: Mapped[str] = mapped_column(String(20))
    amount: Mapped[Decimal] = mapped_column(Amount())
    currency: Mapped[str] = mapped_column(String(3))
    paid_on: Mapped[date | None]


class AttemptRow(Base):
    """An attempt to be taken for someone: the keyed hash of the number tried, never the digits of the secret.

    `passed` is false from the moment the attempt is made until it is known to be right, so that attempts made
    at once, or cut off by a crash, count.
    """

    __tablename__ = "attempts"
    __table_args__ = (
        Index(None, "subject_hash", "kind", "at"),
        Index(None, "caller", "kind", "at"),
    )

    id: Mapped[Id]
    at: Mapped[datetime] = mapped_column(UtcTime)
    kind: Mapped[str] = mapped_column(String(20))
    caller: Mapped[str] = mapped_column(String(64))
    subject_hash: Mapped[bytes] = mapped_column(LargeBinary)
    call_id: Mapped[str] = mapped_column(Text)
    passed: Mapped[bool]
