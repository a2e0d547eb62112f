"""Talks between callers and seats: recordings, wrap-ups, rooms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from policy_db import columns

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _talks()
    _talk_seats()
    _dispositions()
    _wrap_ups()
    _rooms()


def downgrade() -> None:
    for table in ("rooms", "wrap_ups", "dispositions", "talk_seats", "talks"):
        op.drop_table(table)


def _text(name: str, length: int, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=nullable)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _time(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, columns.UtcTime(), nullable=nullable)


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, columns.Json, nullable=False)


def _yes_no(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _row_id() -> sa.Column[object]:
    return sa.Column("id", columns.RowId, autoincrement=True, nullable=False)


def _index(table: str, *names: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(names)}", table, list(names), unique=False)


def _talks() -> None:
    op.create_table(
        "talks",
        _text("id", 80),
        _text("call_id", 64),
        _text("worker", 64),
        _text("queue", 64),
        _text("recording", 80, nullable=True),
        _text("consent", 12),
        _time("started_at", nullable=False),
        _time("ended_at"),
        sa.Column("seconds", sa.Float(precision=53), nullable=False),
        _json("spans"),
        sa.CheckConstraint(
            "consent IN ('off', 'unannounced', 'announced', 'asked', 'refused')",
            name=op.f("ck_talks_consent"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_talks")),
    )
    _index("talks", "call_id", "started_at")
    _index("talks", "recording")
    _index("talks", "worker", "ended_at")


def _talk_seats() -> None:
    op.create_table(
        "talk_seats",
        _row_id(),
        _text("talk_id", 80),
        _text("seat_id", 64),
        _time("joined_at", nullable=False),
        _time("left_at"),
        sa.ForeignKeyConstraint(
            ["talk_id"], ["talks.id"], name=op.f("fk_talk_seats_talk_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_talk_seats")),
    )
    _index("talk_seats", "talk_id", "joined_at")
    _index("talk_seats", "seat_id", "joined_at")


def _dispositions() -> None:
    op.create_table(
        "dispositions",
        _text("code", 40),
        _json("titles"),
        _yes_no("active"),
        _number("position"),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_dispositions")),
    )


def _wrap_ups() -> None:
    op.create_table(
        "wrap_ups",
        _row_id(),
        _text("call_id", 64),
        _text("seat_id", 64),
        _text("user", 100),
        _text("disposition", 40),
        sa.Column("note", sa.Text(), nullable=False),
        _time("began_at", nullable=False),
        _time("saved_at", nullable=False),
        sa.ForeignKeyConstraint(["disposition"], ["dispositions.code"], name=op.f("fk_wrap_ups_disposition")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wrap_ups")),
    )
    op.create_index("uq_wrap_ups_call_id_seat_id", "wrap_ups", ["call_id", "seat_id"], unique=True)
    _index("wrap_ups", "seat_id", "saved_at")
    _index("wrap_ups", "disposition", "saved_at")


def _rooms() -> None:
    op.create_table(
        "rooms",
        _text("number", 12),
        _text("title", 100),
        _text("pin_hash", 200),
        _text("moderator_hash", 200),
        _number("capacity"),
        _yes_no("waits"),
        _yes_no("ends"),
        _yes_no("active"),
        _yes_no("locked"),
        _text("host", 64),
        _time("host_until"),
        _number("present"),
        sa.CheckConstraint("capacity BETWEEN 2 AND 100", name=op.f("ck_rooms_capacity")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_rooms")),
    )
