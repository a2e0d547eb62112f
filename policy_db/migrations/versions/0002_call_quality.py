"""How well a call could be heard."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_FIGURES = ("mos", "loss", "jitter_ms")


def upgrade() -> None:
    for figure in _FIGURES:
        op.add_column("calls", sa.Column(figure, sa.Float(precision=53), nullable=True))


def downgrade() -> None:
    for figure in reversed(_FIGURES):
        op.drop_column("calls", figure)
