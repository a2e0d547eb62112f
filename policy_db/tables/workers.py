"""Workers: which processes carry calls, and where they are spoken to."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from policy_db.columns import UtcTime
from policy_db.tables.base import Base


class WorkerRow(Base):
    """A worker's latest word; a worker that was started again replaces its row."""

    __tablename__ = "workers"
    __table_args__ = (CheckConstraint("state IN ('starting', 'ready', 'draining', 'stopped')", name="state"),)

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    url: Mapped[str] = mapped_column(String(200))
    pid: Mapped[int]
    state: Mapped[str] = mapped_column(String(12))
    calls: Mapped[int]
    capacity: Mapped[int]
    seen_at: Mapped[datetime] = mapped_column(UtcTime)
