"""How calls were answered, salespeople who serve themselves, and notices to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from policy_db import columns

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sales_preferences",
        sa.Column("salesperson", sa.String(20), nullable=False),
        sa.Column("channel", sa.String(10), nullable=False),
        sa.Column("messages", sa.Boolean(), nullable=False),
        sa.Column("lapses", sa.Boolean(), nullable=False),
        sa.Column("language", sa.String(20), nullable=False),
        sa.Column("put_through", sa.Boolean(), nullable=False),
        sa.Column("told_on", sa.Date(), nullable=True),
        sa.Column("changed_at", columns.UtcTime(), nullable=False),
        sa.Column("changed_by", sa.String(100), nullable=False),
        sa.CheckConstraint("channel IN ('sms', 'email', 'none')", name=op.f("ck_sales_preferences_channel")),
        sa.ForeignKeyConstraint(
            ["salesperson"],
            ["salespeople.number"],
            name=op.f("fk_sales_preferences_salesperson"),
            ondelete="CASCADE",
            onupdate="CASCADE",
        ),
        sa.PrimaryKeyConstraint("salesperson", name=op.f("pk_sales_preferences")),
    )
    op.add_column("calls", sa.Column("rang", sa.Float(53), nullable=True))
    op.add_column("calls", sa.Column("apologised", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("waiting_calls", sa.Column("apologised_at", columns.UtcTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("waiting_calls", "apologised_at")
    op.drop_column("calls", "apologised")
    op.drop_column("calls", "rang")
    op.drop_table("sales_preferences")
