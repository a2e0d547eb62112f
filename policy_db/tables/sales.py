"""What salespeople want to be told of, and when they are told."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from policy_db.columns import UtcTime
from policy_db.tables.base import Base


class SalesPreferenceRow(Base):
    """How a salesperson is told of messages and lapses; who has no row is told as everybody is.

    `told_on` is the day (of the company's zone) up to which they have had their digest.
    """

    __tablename__ = "sales_preferences"
    __table_args__ = (CheckConstraint("channel IN ('sms', 'email', 'none')", name="channel"),)

    salesperson: Mapped[str] = mapped_column(
        ForeignKey("salespeople.number", ondelete="CASCADE", onupdate="CASCADE"), primary_key=True
    )
    channel: Mapped[str] = mapped_column(String(10))
    messages: Mapped[bool]
    lapses: Mapped[bool]
    language: Mapped[str] = mapped_column(String(20))
    put_through: Mapped[bool]
    told_on: Mapped[date | None]
    changed_at: Mapped[datetime] = mapped_column(UtcTime)
    changed_by: Mapped[str] = mapped_column(String(100))
