"""What is in documents, the links by which policyholders reach them, what they send in, and letters by the batch."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from policy_db.columns import Json, UtcTime
from policy_db.tables.base import Base, Id


class DocumentContentRow(Base):
    """The PDF of a document as it was sent, encrypted; it goes with its document."""

    __tablename__ = "document_contents"

    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)
    cipher: Mapped[bytes] = mapped_column(LargeBinary)
    size: Mapped[int]
    made_at: Mapped[datetime] = mapped_column(UtcTime)


class LinkRow(Base):
    """A link that was sent to somebody: found by the hash of its token, opened with a code or by the policyholder.

    `check` says what is asked: the code that was told on the telephone, or the holder's birthday or ID digits. `tries`
    counts wrong answers; `locked_until` is how long none is taken.
    """

    __tablename__ = "links"
    __table_args__ = (
        CheckConstraint("kind IN ('document', 'claim', 'pay')", name="kind"),
        CheckConstraint("asks IN ('code', 'holder')", name="asks"),
        Index(None, "token_hash", unique=True),
        Index(None, "document_id"),
        Index(None, "customer"),
        Index(None, "policy"),
        Index(None, "claim"),
        Index(None, "expires_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    kind: Mapped[str] = mapped_column(String(10))
    document_id: Mapped[str | None] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"))
    claim: Mapped[str] = mapped_column(String(20))
    policy: Mapped[str] = mapped_column(String(20))
    customer: Mapped[str] = mapped_column(String(20))
    call_id: Mapped[str] = mapped_column(String(64), index=True)
    language: Mapped[str] = mapped_column(String(20))
    asks: Mapped[str] = mapped_column(String(10))
    facts: Mapped[dict[str, Any]] = mapped_column(Json)
    tries: Mapped[int]
    locked_until: Mapped[datetime | None] = mapped_column(UtcTime)
    opened_at: Mapped[datetime | None] = mapped_column(UtcTime)
    expires_at: Mapped[datetime] = mapped_column(UtcTime)
    created_at: Mapped[datetime] = mapped_column(UtcTime)


class ClaimPaperRow(Base):
    """A photograph or paper that somebody added to a claim by a link, cleaned and encrypted."""

    __tablename__ = "claim_papers"
    __table_args__ = (
        CheckConstraint("kind IN ('photo', 'paper')", name="kind"),
        Index(None, "claim_id", "sha256", unique=True),
        Index(None, "received_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    claim_id: Mapped[str] = mapped_column(ForeignKey("claims.id", ondelete="CASCADE"))
    link_id: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(100))
    media_type: Mapped[str] = mapped_column(String(40))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    cipher: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime] = mapped_column(UtcTime)
    seen_at: Mapped[datetime | None] = mapped_column(UtcTime)
    seen_by: Mapped[str] = mapped_column(String(100))


class PostBatchRow(Base):
    """Letters that were printed together; `posted_at` is when somebody took them to the post."""

    __tablename__ = "post_batches"

    id: Mapped[Id]
    made_at: Mapped[datetime] = mapped_column(UtcTime)
    made_by: Mapped[str] = mapped_column(String(100))
    posted_at: Mapped[datetime | None] = mapped_column(UtcTime)
    posted_by: Mapped[str] = mapped_column(String(100))
    letters: Mapped[int]
