"""What the live board warns of."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Float, String
from sqlalchemy.orm import Mapped, mapped_column

from policy_db.columns import UtcTime
from policy_db.tables.base import Base


class AlarmLimitRow(Base):
    """A limit that a manager has set in place of the usual one; null `value` switches the alarm off."""

    __tablename__ = "alarm_limits"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[float | None] = mapped_column(Float(53))
    changed_by: Mapped[str] = mapped_column(String(100))
    changed_at: Mapped[datetime] = mapped_column(UtcTime)
