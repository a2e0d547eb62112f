"""Documents that go out by fax, and how far they came."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from policy_db.columns import Json, UtcTime
from policy_db.tables.base import Base


class FaxRow(Base):
    """The fax of a document, to a number or (empty) to the machine that the caller has; it goes with its document.

    `holder` is the process that sends it, until `until`. `pages` are confirmed ones of `total`; the next try begins after
    them. `history` has a line for each try: when, how it ended, pages confirmed so far, speed.
    """

    __tablename__ = "faxes"
    __table_args__ = (
        CheckConstraint("state IN ('prepared', 'waiting', 'sending', 'sent', 'failed')", name="state"),
        Index(None, "state", "next_at"),
        Index(None, "created_at"),
        Index(None, "call_id"),
    )

    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[str] = mapped_column(String(64))
    call_id: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(10))
    tries: Mapped[int]
    next_at: Mapped[datetime] = mapped_column(UtcTime)
    holder: Mapped[str] = mapped_column(String(100))
    until: Mapped[datetime | None] = mapped_column(UtcTime)
    total: Mapped[int]
    pages: Mapped[int]
    outcome: Mapped[str] = mapped_column(String(20))
    speed: Mapped[int]
    ecm: Mapped[bool]
    coding: Mapped[str] = mapped_column(String(10))
    machine: Mapped[str] = mapped_column(String(40))
    history: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)
