"""Queues, seats and the calls between them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from policy_db import columns

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_OPEN = sa.text("state IN ('waiting', 'offered', 'connected', 'callback')")
_AT_SEAT = sa.text("state IN ('offered', 'connected')")
_MAIN = sa.text("part = 'main'")


def upgrade() -> None:
    _queues()
    _seats()
    _waiting_calls()
    _seat_history()
    _seat_pauses()


def downgrade() -> None:
    for table in ("seat_pauses", "seat_history", "waiting_calls", "seats", "queues"):
        op.drop_table(table)


def _text(name: str, length: int, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=nullable)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _seconds(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Float(precision=53), nullable=False)


def _time(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, columns.UtcTime(), nullable=nullable)


def _json(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, columns.Json, nullable=nullable)


def _yes_no(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _queues() -> None:
    op.create_table(
        "queues",
        _text("name", 64),
        _json("titles"),
        _json("skills"),
        _json("licences"),
        _text("strategy", 20),
        _yes_no("best_first"),
        _number("priority"),
        _seconds("ageing_seconds"),
        _seconds("ring_seconds"),
        _seconds("wrap_up_seconds"),
        _seconds("service_level_seconds"),
        _seconds("patience_seconds"),
        _number("most_waiting"),
        _text("overflow_to", 64, nullable=True),
        _seconds("overflow_seconds"),
        _json("week", nullable=True),
        _yes_no("leave_by_key"),
        _yes_no("call_back"),
        sa.CheckConstraint(
            "strategy IN ('longest_idle', 'round_robin', 'last_seat_first')", name=op.f("ck_queues_strategy")
        ),
        sa.ForeignKeyConstraint(
            ["overflow_to"],
            ["queues.name"],
            name=op.f("fk_queues_overflow_to"),
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_queues")),
    )


def _seats() -> None:
    op.create_table(
        "seats",
        _text("id", 64),
        _text("name", 100),
        _text("address", 200),
        _json("languages"),
        _json("skills"),
        _json("licences"),
        _text("mailbox", 64),
        _text("state", 16),
        _text("reason", 100),
        _time("since"),
        _time("idle_since"),
        _time("rung_at"),
        _text("call_id", 64, nullable=True),
        _text("part", 12),
        _text("worker", 64),
        _time("lease_until"),
        _number("missed"),
        _text("forward_to", 200),
        _time("wrap_up_until"),
        _text("afterwards", 16, nullable=True),
        _text("afterwards_reason", 100),
        _number("version"),
        sa.CheckConstraint(
            "state IN ('ready', 'ringing', 'talking', 'wrap_up', 'paused', 'do_not_disturb', 'away', 'offline')",
            name=op.f("ck_seats_state"),
        ),
        sa.CheckConstraint(
            "(state IN ('ringing', 'talking')) = (call_id IS NOT NULL)", name=op.f("ck_seats_call")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seats")),
    )
    op.create_index(
        "uq_seats_main", "seats", ["call_id"], unique=True, sqlite_where=_MAIN, postgresql_where=_MAIN
    )
    op.create_index("ix_seats_call_id", "seats", ["call_id"], unique=False)


def _waiting_calls() -> None:
    op.create_table(
        "waiting_calls",
        _text("id", 64),
        _text("call_id", 64),
        _text("queue", 64),
        _time("entered_at", nullable=False),
        _time("queued_at", nullable=False),
        _text("caller", 64),
        _text("customer", 20),
        _text("policy", 40),
        _text("language", 20),
        _json("skills"),
        _number("priority"),
        _text("state", 12),
        _text("seat_id", 64, nullable=True),
        _text("preferred_seat", 64, nullable=True),
        _json("tried"),
        _time("tried_at"),
        _json("visited"),
        _text("worker", 64),
        _time("lease_until"),
        _text("call_back_to", 64),
        _number("attempts"),
        _time("not_before"),
        _time("offered_at"),
        _time("answered_at"),
        _time("ended_at"),
        _text("outcome", 40),
        _number("version"),
        sa.CheckConstraint(
            "state IN ('waiting', 'offered', 'connected', 'callback', 'left', 'abandoned', 'voicemail',"
            " 'overflowed', 'ended')",
            name=op.f("ck_waiting_calls_state"),
        ),
        sa.ForeignKeyConstraint(["queue"], ["queues.name"], name=op.f("fk_waiting_calls_queue")),
        sa.ForeignKeyConstraint(["seat_id"], ["seats.id"], name=op.f("fk_waiting_calls_seat_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waiting_calls")),
    )
    for name, column, where in (("open", "call_id", _OPEN), ("seat", "seat_id", _AT_SEAT)):
        op.create_index(
            f"uq_waiting_calls_{name}",
            "waiting_calls",
            [column],
            unique=True,
            sqlite_where=where,
            postgresql_where=where,
        )
    for pair in (
        ("state", "worker"),
        ("queue", "ended_at"),
        ("caller", "ended_at"),
        ("customer", "ended_at"),
        ("call_id", "entered_at"),
    ):
        op.create_index(f"ix_waiting_calls_{'_'.join(pair)}", "waiting_calls", list(pair), unique=False)


def _seat_history() -> None:
    op.create_table(
        "seat_history",
        sa.Column("id", columns.RowId, autoincrement=True, nullable=False),
        _time("at", nullable=False),
        _text("seat_id", 64),
        _text("before", 16),
        _text("after", 16),
        _text("reason", 100),
        _text("call_id", 64),
        _text("who", 100),
        sa.ForeignKeyConstraint(
            ["seat_id"], ["seats.id"], name=op.f("fk_seat_history_seat_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat_history")),
    )
    op.create_index("ix_seat_history_seat_id_at", "seat_history", ["seat_id", "at"], unique=False)


def _seat_pauses() -> None:
    op.create_table(
        "seat_pauses",
        sa.Column("id", columns.RowId, autoincrement=True, nullable=False),
        _text("seat_id", 64),
        _text("reason", 100),
        _time("began_at", nullable=False),
        _time("ended_at"),
        _text("who", 100),
        sa.ForeignKeyConstraint(
            ["seat_id"], ["seats.id"], name=op.f("fk_seat_pauses_seat_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat_pauses")),
    )
    op.create_index("ix_seat_pauses_seat_id_began_at", "seat_pauses", ["seat_id", "began_at"], unique=False)
