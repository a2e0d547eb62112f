"""Versions of the call flows as they were in use, and what calls did in them."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Float, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from policy_db.columns import Json, UtcTime
from policy_db.tables.base import Base, Id


class FlowFileRow(Base):
    """The text of a flow file, by the hash of it: a file that stays the same is kept once."""

    __tablename__ = "flow_files"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    text: Mapped[str] = mapped_column(Text)


class FlowVersionRow(Base):
    """A set of flows that took calls. `files` gives the hash of each file by its name.

    `action` is `published`, `rolled_back` (`origin` is then the version gone back to), or `found`: the files were
    changed beside the console.
    """

    __tablename__ = "flow_versions"

    id: Mapped[Id]
    version: Mapped[str] = mapped_column(String(64), index=True)
    at: Mapped[datetime] = mapped_column(UtcTime)
    who: Mapped[str] = mapped_column(String(100))
    action: Mapped[str] = mapped_column(String(20))
    message: Mapped[str] = mapped_column(Text)
    origin: Mapped[int | None] = mapped_column(ForeignKey("flow_versions.id"))
    files: Mapped[dict[str, str]] = mapped_column(Json)


class FlowCountRow(Base):
    """What calls that ended on a day (in the company's zone) did at a step: how often, and for how long in all.

    `what` is `entered` (`seconds` in all), `left` (with `target`), `no_input`, `no_match`, `fault` or `hung_up`.
    """

    __tablename__ = "flow_counts"

    day: Mapped[date] = mapped_column(primary_key=True)
    flow: Mapped[str] = mapped_column(String(64), primary_key=True)
    step: Mapped[str] = mapped_column(String(64), primary_key=True)
    what: Mapped[str] = mapped_column(String(12), primary_key=True)
    target: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int]
    seconds: Mapped[float] = mapped_column(Float(53))
