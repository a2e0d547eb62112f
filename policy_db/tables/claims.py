"""Claims with every answer of the report, and complaints."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from policy_db.columns import Amount, UtcTime
from policy_db.tables.base import Base, Id


class ClaimRow(Base):
    """A claim from its first answer on. `policy_said` is the number a caller gave, whether it exists or not.

    `level` is how sure the hotline was of the caller (0 to 2). `broken_off` marks a report whose call was
    cut.
    """

    __tablename__ = "claims"
    __table_args__ = (
        CheckConstraint(
            "status IN ('draft', 'reported', 'reviewing', 'approved', 'paid', 'declined', 'missing_documents')",
            name="status",
        ),
        Index(None, "caller", "status", "begun_at"),
        Index(None, "policy_id", "status"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    number: Mapped[str] = mapped_column(String(12), unique=True)
    policy_id: Mapped[int | None] = mapped_column(ForeignKey("policies.id"))
    policy_said: Mapped[str] = mapped_column(String(40))
    caller: Mapped[str] = mapped_column(String(64))
    level: Mapped[int]
    call_id: Mapped[str] = mapped_column(String(64), index=True)
    status: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(40))
    begun_at: Mapped[datetime] = mapped_column(UtcTime)
    saved_at: Mapped[datetime] = mapped_column(UtcTime)
    submitted_at: Mapped[datetime | None] = mapped_column(UtcTime)
    reported_on: Mapped[date]
    paid: Mapped[Decimal | None] = mapped_column(Amount())
    currency: Mapped[str] = mapped_column(String(3))
    missing: Mapped[str | None] = mapped_column(Text)
    broken_off: Mapped[bool]
    key: Mapped[str | None] = mapped_column(String(100), unique=True)


class ClaimAnswerRow(Base):
    """One answer of a report, written as soon as it is given."""

    __tablename__ = "claim_answers"

    claim_id: Mapped[str] = mapped_column(ForeignKey("claims.id", ondelete="CASCADE"), primary_key=True)
    field: Mapped[str] = mapped_column(String(20), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    saved_at: Mapped[datetime] = mapped_column(UtcTime)


class ClaimAttachmentRow(Base):
    """A recording that answers a question of a report, in the caller's own voice."""

    __tablename__ = "claim_attachments"

    claim_id: Mapped[str] = mapped_column(ForeignKey("claims.id", ondelete="CASCADE"), primary_key=True)
    field: Mapped[str] = mapped_column(String(20), primary_key=True)
    recording_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    attached_at: Mapped[datetime] = mapped_column(UtcTime)


class ComplaintRow(Base):
    """A complaint, about a policy if it names one."""

    __tablename__ = "complaints"
    __table_args__ = (
        CheckConstraint("status IN ('open', 'in_progress', 'closed')", name="status"),
        Index(None, "policy_id", "status"),
    )

    id: Mapped[Id]
    number: Mapped[str] = mapped_column(String(10), unique=True)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True)
    policy_id: Mapped[int | None] = mapped_column(ForeignKey("policies.id"))
    opened_on: Mapped[date]
    closed_on: Mapped[date | None]
    status: Mapped[str] = mapped_column(String(20))
    channel: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(Text)
