"""What was said on recordings and is yet to be written down, and prompts that were recorded."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from policy_db import columns

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


_UNDONE = sa.text("state IN ('waiting', 'running')")


def upgrade() -> None:
    _transcripts()
    _transcriptions()
    _prompt_pins()


def downgrade() -> None:
    op.drop_table("prompt_pins")
    op.drop_table("transcriptions")
    with op.batch_alter_table("transcripts") as table:
        table.drop_constraint("ck_transcripts_urgency", type_="check")
        for column in ("segments", "urgency", "reasons", "corrected_by", "corrected_at"):
            table.drop_column(column)


def _prompt_pins() -> None:
    op.create_table(
        "prompt_pins",
        sa.Column("user_id", columns.RowId, nullable=False),
        sa.Column("number", sa.String(length=8), nullable=False),
        sa.Column("pin_hash", sa.String(length=200), nullable=False),
        sa.Column("made_at", columns.UtcTime(), nullable=False),
        sa.Column("expires_at", columns.UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_prompt_pins_user_id_users", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name="pk_prompt_pins"),
        sa.UniqueConstraint("number", name="uq_prompt_pins_number"),
    )


def _transcripts() -> None:
    with op.batch_alter_table("transcripts") as table:
        for name in ("segments", "reasons"):
            table.add_column(sa.Column(name, columns.Json, nullable=False, server_default="[]"))
        table.add_column(sa.Column("urgency", sa.String(length=10), nullable=False, server_default="normal"))
        table.add_column(sa.Column("corrected_by", sa.String(length=64), nullable=False, server_default=""))
        table.add_column(sa.Column("corrected_at", columns.UtcTime(), nullable=True))
        table.create_check_constraint("ck_transcripts_urgency", "urgency IN ('normal', 'high', 'urgent')")


def _transcriptions() -> None:
    op.create_table(
        "transcriptions",
        sa.Column("recording_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("until", columns.UtcTime(), nullable=True),
        sa.Column("due_at", columns.UtcTime(), nullable=False),
        sa.Column("problem", sa.String(length=200), nullable=False),
        sa.Column("done_at", columns.UtcTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'running', 'done', 'failed')", name=op.f("ck_transcriptions_state")
        ),
        sa.ForeignKeyConstraint(
            ["recording_id"],
            ["recordings.id"],
            name=op.f("fk_transcriptions_recording_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("recording_id", name=op.f("pk_transcriptions")),
    )
    op.create_index(
        "ix_transcriptions_open", "transcriptions", ["due_at"], sqlite_where=_UNDONE, postgresql_where=_UNDONE
    )
