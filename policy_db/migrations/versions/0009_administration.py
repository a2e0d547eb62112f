"""What administrators keep: imports with what each line came to, and the company's own hours."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from policy_db import columns

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _imports()
    _import_lines()
    _calendars()
    _calendar_days()
    for table, names in _SEARCHED:
        op.create_index(f"ix_{table}_{'_'.join(names)}", table, list(names), unique=False)


def downgrade() -> None:
    for table, names in reversed(_SEARCHED):
        op.drop_index(f"ix_{table}_{'_'.join(names)}", table_name=table)
    for table in ("calendar_days", "calendars", "import_lines", "imports"):
        op.drop_table(table)


#: Lists of the console are read in these orders.
_SEARCHED = (("customers", ("name",)), ("policies", ("started_on",)), ("salespeople", ("name",)))


def _text(name: str, length: int, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=nullable)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _time(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, columns.UtcTime(), nullable=nullable)


def _json(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, columns.Json, nullable=nullable)


def _imports() -> None:
    op.create_table(
        "imports",
        _text("id", 32),
        _text("kind", 20),
        _text("state", 12),
        _text("file_name", 200),
        _number("size"),
        _text("digest", 64),
        _text("encoding", 20),
        *(_number(name) for name in ("lines", "added", "changed", "same", "wrong", "warned")),
        sa.Column("skipped", sa.Boolean(), nullable=False),
        _json("problem", nullable=True),
        _time("begun_at", nullable=False),
        _text("begun_by", 100),
        _time("applied_at"),
        _text("applied_by", 100),
        sa.CheckConstraint(
            "state IN ('checking', 'checked', 'refused', 'applying', 'applied', 'discarded')",
            name=op.f("ck_imports_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
    )
    op.create_index("ix_imports_begun_at", "imports", ["begun_at"], unique=False)


def _import_lines() -> None:
    op.create_table(
        "import_lines",
        _text("import_id", 32),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        _text("outcome", 10),
        sa.Column("warned", sa.Boolean(), nullable=False),
        _text("key", 120),
        _json("changes"),
        _json("problems"),
        sa.ForeignKeyConstraint(
            ["import_id"], ["imports.id"], name=op.f("fk_import_lines_import_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("import_id", "line", name=op.f("pk_import_lines")),
    )
    op.create_index(
        "ix_import_lines_import_id_outcome_line", "import_lines", ["import_id", "outcome", "line"]
    )


def _calendars() -> None:
    op.create_table(
        "calendars",
        _text("name", 64),
        _json("week", nullable=True),
        _text("swapped", 100, nullable=True),
        _text("override", 8, nullable=True),
        _time("override_until"),
        _text("note", 200),
        _number("version"),
        _time("updated_at", nullable=False),
        _text("updated_by", 100),
        sa.CheckConstraint("override IN ('open', 'closed')", name=op.f("ck_calendars_override")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_calendars")),
    )


def _calendar_days() -> None:
    op.create_table(
        "calendar_days",
        _text("calendar", 64),
        sa.Column("day", sa.Date(), nullable=False),
        _text("hours", 100),
        _text("note", 200),
        sa.ForeignKeyConstraint(
            ["calendar"], ["calendars.name"], name=op.f("fk_calendar_days_calendar"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("calendar", "day", name=op.f("pk_calendar_days")),
    )
