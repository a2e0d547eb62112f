"""Campaigns, the people in them, attempts to reach them, and what came of those."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from policy_db import columns

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_INDEXES: dict[str, tuple[tuple[str, ...], ...]] = {
    "campaigns": (("state", "priority"), ("created_at",)),
    "campaign_people": (
        ("campaign", "state", "zone", "next_at"), ("campaign", "outcome"), ("number",), ("customer",), ("policy",),
    ),
    "campaign_attempts": (
        ("campaign", "planned_at"), ("campaign", "outcome"), ("number", "planned_at"), ("policy", "planned_at"),
        ("customer", "planned_at"), ("call_id",), ("carrier_id",),
    ),
    "promises": (("state", "pay_on"), ("policy",), ("customer",)),
    "outbox": (("state", "next_at"), ("customer",), ("policy",), ("address",), ("created_at",)),
}  # fmt: skip
_UNIQUE: dict[str, tuple[str, ...]] = {
    "campaign_attempts": ("person", "seq"),
    "promises": ("attempt",),
    "outbox": ("key",),
}


def upgrade() -> None:
    _campaigns()
    _people()
    _attempts()
    _promises()
    _outbox()
    for table, indexes in _INDEXES.items():
        for names in indexes:
            op.create_index(f"ix_{table}_{'_'.join(names)}", table, list(names))
    for table, names in _UNIQUE.items():
        op.create_index(f"ix_{table}_{'_'.join(names)}", table, list(names), unique=True)
    _partial("under_way", "planned_at", "state <> 'ended'")
    _partial("unsettled", "ended_at", "state = 'ended' AND settled_at IS NULL")
    op.add_column("calls", sa.Column("outbound", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("calls", "outbound")
    for table in ("outbox", "promises", "campaign_attempts", "campaign_people", "campaigns"):
        op.drop_table(table)


def _partial(name: str, column: str, condition: str) -> None:
    where = sa.text(condition)
    op.create_index(
        f"ix_campaign_attempts_{name}",
        "campaign_attempts",
        [column],
        sqlite_where=where,
        postgresql_where=where,
    )


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _texts(**lengths: int) -> list[sa.Column[str]]:
    return [_text(name, length) for name, length in lengths.items()]


def _json(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, columns.Json, nullable=False) for name in names]


def _at(*names: str, nullable: bool = False) -> list[sa.Column[object]]:
    return [sa.Column(name, columns.UtcTime(), nullable=nullable) for name in names]


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _id() -> sa.Column[int]:
    return sa.Column("id", columns.RowId, autoincrement=True, nullable=False)


def _one_of(table: str, column: str, *values: str) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}"))


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [to], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE")


def _key(table: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}"))


def _campaigns() -> None:
    op.create_table(
        "campaigns",
        *_texts(id=40, name=100, kind=20, flow=64, line=20, caller=64, state=10),
        _number("priority"),
        *_json("rules", "selection"),
        _text("problem", 40),
        *_at("created_at"),
        _text("created_by", 100),
        *_at("started_at", "ended_at", nullable=True),
        _number("version"),
        _one_of("campaigns", "state", "draft", "running", "paused", "stopped", "done"),
        _key("campaigns"),
    )


def _people() -> None:
    op.create_table(
        "campaign_people",
        _id(),
        *_texts(campaign=40, number=64, customer=20, policy=20, zone=400, language=20),
        *_json("facts"),
        *_texts(excluded=20, state=10, outcome=20),
        _number("attempts"),
        *_at("next_at", nullable=True),
        _one_of("campaign_people", "state", "waiting", "calling", "done", "excluded"),
        _refers("campaign_people", "campaign", "campaigns.id"),
        _key("campaign_people"),
    )


def _attempts() -> None:
    op.create_table(
        "campaign_attempts",
        *_texts(id=40, campaign=40),
        sa.Column("person", columns.RowId, nullable=False),
        _number("seq"),
        *_texts(number=64, customer=20, policy=20, line=20, state=20, outcome=20, disposition=20),
        *_texts(answered_by=20, holder=100, carrier_id=100, call_id=64),
        _number("status"),
        *_at("planned_at"),
        *_at("submitted_at", "answered_at", "ended_at", "settled_at", "later_at", nullable=True),
        _one_of(
            "campaign_attempts", "state", "planned", "submitting", "submission_unknown", "submitted", "ringing",
            "answered", "ended",
        ),
        _refers("campaign_attempts", "campaign", "campaigns.id"),
        _refers("campaign_attempts", "person", "campaign_people.id"),
        _key("campaign_attempts"),
    )  # fmt: skip


def _promises() -> None:
    op.create_table(
        "promises",
        _id(),
        *_texts(attempt=40, campaign=40, customer=20, policy=20),
        *(sa.Column(name, sa.Date(), nullable=False) for name in ("due_on", "pay_on")),
        sa.Column("amount", columns.Amount(), nullable=False),
        _text("currency", 3),
        *_at("made_at"),
        _text("state", 10),
        *_at("settled_at", nullable=True),
        _one_of("promises", "state", "open", "kept", "broken", "withdrawn"),
        _key("promises"),
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        _id(),
        *_texts(key=100, kind=40, channel=10, address=200, language=20, customer=20, policy=20, call_id=64),
        *_json("facts"),
        _text("state", 10),
        _number("tries"),
        *_at("next_at"),
        *_at("until", nullable=True),
        *_at("created_at"),
        *_at("sent_at", nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        _one_of("outbox", "state", "queued", "sending", "sent", "failed"),
        _key("outbox"),
    )
