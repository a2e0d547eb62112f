"""How long things are kept, legal holds, erasures; entries of the audit may go when they are old enough."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from policy_db import columns

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_OPEN = sa.text("released_at IS NULL")
_SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.create_table(
        "retention_periods",
        _text("name", 20),
        sa.Column("days", sa.Integer(), nullable=False),
        _time("changed_at"),
        _text("changed_by", 100),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_retention_periods")),
    )
    _legal_holds()
    _purges()
    _erasures()
    op.create_table(
        "leases",
        _text("name", 40),
        _text("holder", 64),
        _time("until"),
        _time("done_at", nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    _run("0010_old_audit")


def downgrade() -> None:
    _run("0010_old_audit_down")
    for table in ("leases", "erasures", "purges", "legal_holds", "retention_periods"):
        op.drop_table(table)


def _run(name: str) -> None:
    script = _SQL / f"{name}.{op.get_bind().dialect.name}.sql"
    for statement in script.read_text("utf-8").split("-- next\n"):
        op.execute(statement)


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, columns.UtcTime(), nullable=nullable)


def _row_id() -> sa.Column[object]:
    return sa.Column("id", columns.RowId, autoincrement=True, nullable=False)


def _legal_holds() -> None:
    op.create_table(
        "legal_holds",
        _row_id(),
        _text("kind", 10),
        _text("number", 64),
        sa.Column("why", sa.Text(), nullable=False),
        _time("set_at"),
        _text("set_by", 100),
        _time("released_at", nullable=True),
        _text("released_by", 100),
        sa.CheckConstraint(
            "kind IN ('customer', 'policy', 'claim', 'call')", name=op.f("ck_legal_holds_kind")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_holds")),
    )
    op.create_index(
        "uq_legal_holds_open",
        "legal_holds",
        ["kind", "number"],
        unique=True,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_index("ix_legal_holds_set_at", "legal_holds", ["set_at"], unique=False)


def _purges() -> None:
    op.create_table(
        "purges",
        _row_id(),
        _time("began_at"),
        _time("ended_at", nullable=True),
        _text("who", 100),
        sa.Column("dry", sa.Boolean(), nullable=False),
        sa.Column("counts", columns.Json, nullable=False),
        _text("problem", 200),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purges")),
    )
    op.create_index("ix_purges_began_at", "purges", ["began_at"], unique=False)


def _erasures() -> None:
    op.create_table(
        "erasures",
        _row_id(),
        _text("customer", 20),
        _time("at"),
        _text("who", 100),
        sa.Column("erased", columns.Json, nullable=False),
        sa.Column("stays", columns.Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
    )
    op.create_index("ix_erasures_customer", "erasures", ["customer"], unique=False)
