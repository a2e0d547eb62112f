"""What boards and reports read of a call, the indexes by which they find it, and the limits of alarms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from policy_db import columns

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_RUNNING = sa.text("state = 'running'")
_INDEXES = (
    ("calls", "ended_at"),
    ("calls", "caller", "started_at"),
    ("calls", "end_reason", "started_at"),
    ("waiting_calls", "queued_at"),
    ("waiting_calls", "seat_id", "queued_at"),
    ("seat_history", "at"),
)
_calls = sa.table(
    "calls", *(sa.column(name) for name in ("id", "step", "step_at", "asked", "missed", "faults"))
)
_events = sa.table(
    "call_events",
    *(sa.column(name) for name in ("call_id", "seq", "at", "kind")),
    sa.column("data", columns.Json),
)
_flows = sa.table("call_flows", sa.column("call_id"), sa.column("flow"))


def upgrade() -> None:
    op.add_column("calls", sa.Column("step", sa.String(130), nullable=False, server_default=""))
    op.add_column("calls", sa.Column("step_at", sa.Float(53), nullable=True))
    op.add_column("calls", sa.Column("asked", sa.Boolean(), nullable=False, server_default=sa.false()))
    for count in ("missed", "faults"):
        op.add_column("calls", sa.Column(count, sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "call_flows",
        sa.Column("call_id", sa.String(64), nullable=False),
        sa.Column("flow", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name=op.f("fk_call_flows_call_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("call_id", "flow", name=op.f("pk_call_flows")),
    )
    op.create_table(
        "alarm_limits",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("value", sa.Float(53), nullable=True),
        sa.Column("changed_by", sa.String(100), nullable=False),
        sa.Column("changed_at", columns.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_alarm_limits")),
    )
    _fill()
    op.create_index("ix_call_flows_flow", "call_flows", ["flow"])
    op.create_index(
        "ix_calls_running", "calls", ["started_at"], sqlite_where=_RUNNING, postgresql_where=_RUNNING
    )
    for table, *names in _INDEXES:
        op.create_index(_named(table, names), table, names)


def downgrade() -> None:
    for table, *names in reversed(_INDEXES):
        op.drop_index(_named(table, names), table)
    op.drop_index("ix_calls_running", "calls")
    op.drop_table("alarm_limits")
    op.drop_table("call_flows")
    for name in ("faults", "missed", "asked", "step_at", "step"):
        op.drop_column("calls", name)


def _fill() -> None:
    """What the timelines of earlier calls tell."""
    op.execute(
        sa.insert(_flows).from_select(
            ["call_id", "flow"],
            sa.select(_events.c.call_id, _events.c.data["flow"].as_string())
            .where(_events.c.kind == "flow_entered")
            .distinct(),
        )
    )
    of_call = _events.c.call_id == _calls.c.id
    asked = sa.exists().where(of_call, _events.c.kind == "transfer_asked")
    op.execute(sa.update(_calls).where(asked).values(asked=sa.true()))
    for name, kind in (("missed", "missed"), ("faults", "fault")):
        number = sa.select(sa.func.count()).select_from(_events).where(of_call, _events.c.kind == kind)
        some = sa.exists().where(of_call, _events.c.kind == kind)
        op.execute(sa.update(_calls).where(some).values({name: number.scalar_subquery()}))
    _fill_steps()


def _fill_steps() -> None:
    """The step at which each call was last."""
    entered = _events.alias("entered")
    last = (
        sa.select(sa.func.max(entered.c.seq))
        .where(entered.c.call_id == _events.c.call_id, entered.c.kind == "step_entered")
        .scalar_subquery()
    )
    name = _events.c.data["flow"].as_string() + "." + _events.c.data["step"].as_string()
    here = sa.select(name).where(_events.c.call_id == _calls.c.id, _events.c.seq == last).limit(1)
    at = sa.select(_events.c.at).where(_events.c.call_id == _calls.c.id, _events.c.seq == last).limit(1)
    op.execute(
        sa.update(_calls).values(
            step=sa.func.coalesce(here.scalar_subquery(), ""), step_at=at.scalar_subquery()
        )
    )


def _named(table: str, names: list[str]) -> str:
    return f"ix_{table}_{'_'.join(names)}"
