"""What administrators keep: imports with what each line came to, and the company's own hours."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from policy_db.columns import Json, UtcTime
from policy_db.tables.base import Base


class ImportRow(Base):
    """A file that was looked through, and perhaps brought in. `problem` says why all of it was refused."""

    __tablename__ = "imports"
    __table_args__ = (
        CheckConstraint(
            "state IN ('checking', 'checked', 'refused', 'applying', 'applied', 'discarded')", name="state"
        ),
        Index(None, "begun_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(12))
    file_name: Mapped[str] = mapped_column(String(200))
    size: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    encoding: Mapped[str] = mapped_column(String(20))
    lines: Mapped[int]
    added: Mapped[int]
    changed: Mapped[int]
    same: Mapped[int]
    wrong: Mapped[int]
    warned: Mapped[int]
    skipped: Mapped[bool]
    problem: Mapped[dict[str, Any] | None] = mapped_column(Json)
    begun_at: Mapped[datetime] = mapped_column(UtcTime)
    begun_by: Mapped[str] = mapped_column(String(100))
    applied_at: Mapped[datetime | None] = mapped_column(UtcTime)
    applied_by: Mapped[str] = mapped_column(String(100))


class ImportLineRow(Base):
    """What a line of a file comes to; lines that change nothing and are in order have no row.

    `changes` maps a column to the value before and after, `problems` are code, column and values. What would have
    been changed is deleted when the import is over; what was wrong stays for a while.
    """

    __tablename__ = "import_lines"
    __table_args__ = (Index(None, "import_id", "outcome", "line"),)

    import_id: Mapped[str] = mapped_column(ForeignKey("imports.id", ondelete="CASCADE"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    outcome: Mapped[str] = mapped_column(String(10))
    warned: Mapped[bool]
    key: Mapped[str] = mapped_column(String(120))
    changes: Mapped[dict[str, Any]] = mapped_column(Json)
    problems: Mapped[list[dict[str, Any]]] = mapped_column(Json)


class CalendarRow(Base):
    """What the company has changed of a calendar of its flows, without touching the file.

    `week` and `swapped` are null where the file's hold. `override` closes (or opens) at once, until it ends.
    """

    __tablename__ = "calendars"
    __table_args__ = (CheckConstraint("override IN ('open', 'closed')", name="override"),)

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    week: Mapped[dict[str, Any] | None] = mapped_column(Json)
    swapped: Mapped[str | None] = mapped_column(String(100))
    override: Mapped[str | None] = mapped_column(String(8))
    override_until: Mapped[datetime | None] = mapped_column(UtcTime)
    note: Mapped[str] = mapped_column(String(200))
    version: Mapped[int]
    updated_at: Mapped[datetime] = mapped_column(UtcTime)
    updated_by: Mapped[str] = mapped_column(String(100))


class CalendarDayRow(Base):
    """A day on which a calendar is not what its week says: hours, `closed`, or `holiday`."""

    __tablename__ = "calendar_days"

    calendar: Mapped[str] = mapped_column(ForeignKey("calendars.name", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    hours: Mapped[str] = mapped_column(String(100))
    note: Mapped[str] = mapped_column(String(200))
