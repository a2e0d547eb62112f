"""Numbers and PINs with which people of the company record prompts by telephone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from policy_db.columns import UtcTime
from policy_db.tables.base import Base


class PromptPinRow(Base):
    """A user's number and PIN, given out by the console and good until `expires_at`."""

    __tablename__ = "prompt_pins"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[str] = mapped_column(String(8), unique=True)
    pin_hash: Mapped[str] = mapped_column(String(200))
    made_at: Mapped[datetime] = mapped_column(UtcTime)
    expires_at: Mapped[datetime] = mapped_column(UtcTime)
