"""Published versions of the call flows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from policy_db import columns

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_UNCOUNTED = sa.text("counted = false")
_UNCOUNTED_SQLITE = sa.text("counted = 0")


def upgrade() -> None:
    op.create_table(
        "flow_files",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_flow_files"),
    )
    op.create_table(
        "flow_versions",
        sa.Column("id", columns.RowId, autoincrement=True, nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("at", columns.UtcTime(), nullable=False),
        sa.Column("who", sa.String(100), nullable=False),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("origin", columns.RowId, nullable=True),
        sa.Column("files", columns.Json, nullable=False),
        sa.ForeignKeyConstraint(["origin"], ["flow_versions.id"], name="fk_flow_versions_origin"),
        sa.PrimaryKeyConstraint("id", name="pk_flow_versions"),
    )
    op.create_index("ix_flow_versions_version", "flow_versions", ["version"])
    op.create_table(
        "flow_counts",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("flow", sa.String(64), nullable=False),
        sa.Column("step", sa.String(64), nullable=False),
        sa.Column("what", sa.String(12), nullable=False),
        sa.Column("target", sa.String(64), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("seconds", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("day", "flow", "step", "what", "target", name="pk_flow_counts"),
    )
    op.add_column("calls", sa.Column("counted", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(
        "ix_calls_uncounted",
        "calls",
        ["ended_at"],
        postgresql_where=_UNCOUNTED,
        sqlite_where=_UNCOUNTED_SQLITE,
    )


def downgrade() -> None:
    op.drop_index("ix_calls_uncounted", "calls")
    op.drop_column("calls", "counted")
    for table in ("flow_counts", "flow_versions", "flow_files"):
        op.drop_table(table)
