"""What staff make of messages and claim reports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from policy_db import columns

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

#: What a company begins with; it may change and add to them.
_CATEGORIES = (
    ("complaint", "投诉", "Complaint"),
    ("suggestion", "建议", "Suggestion"),
    ("enquiry", "咨询", "Enquiry"),
    ("claim", "理赔", "Claim"),
    ("policy_change", "保单变更", "Policy change"),
    ("payment", "缴费", "Payment"),
    ("call_back", "要求回电", "Wants a call back"),
    ("praise", "表扬", "Praise"),
    ("no_content", "无内容", "Nothing said"),
)


def upgrade() -> None:
    _messages()
    _message_history()
    _message_settings()
    _transcripts()
    _claim_reviews()
    _claim_history()
    _call_backs()
    _index("recordings", "purpose", "started_at")
    _index("claims", "status", "begun_at")
    _index("claims", "begun_at")


def downgrade() -> None:
    op.drop_index("ix_claims_begun_at", "claims")
    op.drop_index("ix_claims_status_begun_at", "claims")
    op.drop_index("ix_recordings_purpose_started_at", "recordings")
    for table in (
        "call_backs", "claim_history", "claim_reviews", "transcripts", "due_rules", "message_categories",
        "message_history", "messages",
    ):  # fmt: skip
        op.drop_table(table)


def _text(name: str, length: int, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=nullable)


def _long_text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _time(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, columns.UtcTime(), nullable=nullable)


def _row_id() -> sa.Column[object]:
    return sa.Column("id", columns.RowId, autoincrement=True, nullable=False)


def _refers(table: str, column: str, to: str, ondelete: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}")
    return sa.ForeignKeyConstraint([column], [to], name=name, ondelete=ondelete)


def _index(table: str, *names: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(names)}", table, list(names), unique=False)


def _messages() -> None:
    op.create_table(
        "messages",
        _text("recording_id", 64),
        _text("mailbox", 64),
        _time("received_at", nullable=False),
        _text("state", 10),
        _text("category", 40),
        _text("urgency", 10),
        _text("assignee", 64),
        _text("salesperson", 20),
        _time("told_at"),
        _time("due_at"),
        sa.Column("due_set", sa.Boolean(), nullable=False),
        sa.Column("customer_id", columns.RowId, nullable=True),
        sa.Column("policy_id", columns.RowId, nullable=True),
        _text("claim_id", 40, nullable=True),
        _time("done_at"),
        _time("changed_at", nullable=False),
        _text("changed_by", 64),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("state IN ('new', 'open', 'done', 'archived')", name=op.f("ck_messages_state")),
        sa.CheckConstraint("urgency IN ('normal', 'high', 'urgent')", name=op.f("ck_messages_urgency")),
        _refers("messages", "recording_id", "recordings.id", "CASCADE"),
        _refers("messages", "customer_id", "customers.id", "SET NULL"),
        _refers("messages", "policy_id", "policies.id", "SET NULL"),
        _refers("messages", "claim_id", "claims.id", "SET NULL"),
        sa.PrimaryKeyConstraint("recording_id", name=op.f("pk_messages")),
    )
    for names in (
        ("received_at",), ("state", "received_at"), ("mailbox", "received_at"), ("assignee", "state"),
        ("salesperson", "state"), ("due_at",), ("customer_id",), ("policy_id",), ("claim_id",),
    ):  # fmt: skip
        _index("messages", *names)


def _message_history() -> None:
    op.create_table(
        "message_history",
        _row_id(),
        _text("recording_id", 64),
        *_event(),
        _refers("message_history", "recording_id", "messages.recording_id", "CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_history")),
    )
    _index("message_history", "recording_id", "id")


def _event() -> tuple[sa.Column[object], ...]:
    return (
        _time("at", nullable=False),
        _text("who", 100),
        _text("action", 20),
        sa.Column("details", columns.Json, nullable=False),
        _long_text("text"),
    )  # type: ignore[return-value]


def _message_settings() -> None:
    categories = op.create_table(
        "message_categories",
        _text("code", 40),
        sa.Column("titles", columns.Json, nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_message_categories")),
    )
    op.bulk_insert(
        categories,
        [
            {"code": code, "titles": {"zh-CN": chinese, "en": english}, "active": True, "position": position}
            for position, (code, chinese, english) in enumerate(_CATEGORIES)
        ],
    )
    op.create_table(
        "due_rules",
        _text("mailbox", 64),
        _text("urgency", 10),
        sa.Column("hours", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("mailbox", "urgency", name=op.f("pk_due_rules")),
    )


def _transcripts() -> None:
    op.create_table(
        "transcripts",
        _text("recording_id", 64),
        _long_text("text"),
        _text("language", 20),
        sa.Column("confidence", sa.Float(precision=53), nullable=False),
        _text("engine", 100),
        _time("at", nullable=False),
        _refers("transcripts", "recording_id", "recordings.id", "CASCADE"),
        sa.PrimaryKeyConstraint("recording_id", name=op.f("pk_transcripts")),
    )


def _claim_reviews() -> None:
    op.create_table(
        "claim_reviews",
        _text("claim_id", 40),
        _text("adjuster", 64),
        _time("opened_at"),
        _text("checked_by", 64),
        _time("checked_at"),
        _text("checked_how", 400),
        _time("changed_at", nullable=False),
        _text("changed_by", 64),
        sa.Column("version", sa.Integer(), nullable=False),
        _refers("claim_reviews", "claim_id", "claims.id", "CASCADE"),
        sa.PrimaryKeyConstraint("claim_id", name=op.f("pk_claim_reviews")),
    )
    _index("claim_reviews", "adjuster")


def _claim_history() -> None:
    op.create_table(
        "claim_history",
        _row_id(),
        _text("claim_id", 40),
        *_event(),
        _refers("claim_history", "claim_id", "claims.id", "CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim_history")),
    )
    _index("claim_history", "claim_id", "id")


def _call_backs() -> None:
    op.create_table(
        "call_backs",
        _row_id(),
        _text("recording_id", 64, nullable=True),
        _text("claim_id", 40, nullable=True),
        _text("number", 64),
        _text("who", 64),
        _text("state", 12),
        _time("asked_at", nullable=False),
        _time("done_at"),
        sa.CheckConstraint(
            "state IN ('open', 'reached', 'not_reached', 'cancelled')", name=op.f("ck_call_backs_state")
        ),
        _refers("call_backs", "recording_id", "messages.recording_id", "CASCADE"),
        _refers("call_backs", "claim_id", "claims.id", "CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_backs")),
    )
    _index("call_backs", "recording_id")
    _index("call_backs", "claim_id")
    _index("call_backs", "who", "state")
