"""How long things are kept, what must not be deleted, and what was."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from policy_db.columns import Json, UtcTime
from policy_db.tables.base import Base, Id

_OPEN = text("released_at IS NULL")


class RetentionPeriodRow(Base):
    """Days for which a class of things is kept, where an administrator has changed them."""

    __tablename__ = "retention_periods"

    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    days: Mapped[int]
    changed_at: Mapped[datetime] = mapped_column(UtcTime)
    changed_by: Mapped[str] = mapped_column(String(100))


class LegalHoldRow(Base):
    """A customer, policy, claim or call (`kind` and its number) of which nothing is deleted until it is released."""

    __tablename__ = "legal_holds"
    __table_args__ = (
        CheckConstraint("kind IN ('customer', 'policy', 'claim', 'call')", name="kind"),
        Index(
            "uq_legal_holds_open", "kind", "number", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
        ),
        Index(None, "set_at"),
    )

    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(String(10))
    number: Mapped[str] = mapped_column(String(64))
    why: Mapped[str] = mapped_column(Text)
    set_at: Mapped[datetime] = mapped_column(UtcTime)
    set_by: Mapped[str] = mapped_column(String(100))
    released_at: Mapped[datetime | None] = mapped_column(UtcTime)
    released_by: Mapped[str] = mapped_column(String(100))


class PurgeRow(Base):
    """A run that deleted what was due, or with `dry` only counted it; `counts` by class: deleted, held, files, failed."""

    __tablename__ = "purges"
    __table_args__ = (Index(None, "began_at"),)

    id: Mapped[Id]
    began_at: Mapped[datetime] = mapped_column(UtcTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)
    who: Mapped[str] = mapped_column(String(100))
    dry: Mapped[bool]
    counts: Mapped[dict[str, Any]] = mapped_column(Json)
    problem: Mapped[str] = mapped_column(String(200))


class ErasureRow(Base):
    """A customer (by number) whose data was erased on request: what went, what stayed and why."""

    __tablename__ = "erasures"
    __table_args__ = (Index(None, "customer"),)

    id: Mapped[Id]
    customer: Mapped[str] = mapped_column(String(20))
    at: Mapped[datetime] = mapped_column(UtcTime)
    who: Mapped[str] = mapped_column(String(100))
    erased: Mapped[dict[str, Any]] = mapped_column(Json)
    stays: Mapped[list[dict[str, Any]]] = mapped_column(Json)


class LeaseRow(Base):
    """A piece of work that one process does at a time: who has it, until when, and when it was last done."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64))
    until: Mapped[datetime] = mapped_column(UtcTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcTime)
