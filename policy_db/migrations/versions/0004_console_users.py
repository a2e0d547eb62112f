"""Who may use the console: users, sessions, tokens, tries to sign in; the audit by whom and what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from policy_db import columns

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


#: By whom, what, and when entries of the audit are looked up; by subject they were before.
_AUDIT = (("actor", "at"), ("action", "at"), ("at",))


def upgrade() -> None:
    _users()
    _sessions()
    _api_tokens()
    _sign_ins()
    for names in _AUDIT:
        _index("audit", *names)


def downgrade() -> None:
    for names in _AUDIT:
        op.drop_index(f"ix_audit_{'_'.join(names)}", "audit")
    for table in ("sign_ins", "api_tokens", "user_sessions", "users"):
        op.drop_table(table)


def _index(table: str, *names: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(names)}", table, list(names), unique=False)


def _users() -> None:
    op.create_table(
        "users",
        sa.Column("id", columns.RowId, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("display", sa.String(100), nullable=False),
        sa.Column("email", sa.String(200), nullable=False),
        sa.Column("roles", columns.Json, nullable=False),
        sa.Column("seat_id", sa.String(64), nullable=True),
        sa.Column("salesperson", sa.String(20), nullable=False),
        sa.Column("language", sa.String(20), nullable=False),
        sa.Column("password_hash", sa.String(200), nullable=True),
        sa.Column("subject", sa.String(200), nullable=True),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column("created_at", columns.UtcTime(), nullable=False),
        sa.Column("password_at", columns.UtcTime(), nullable=True),
        sa.Column("signed_in_at", columns.UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["seat_id"], ["seats.id"], name="fk_users_seat_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("name", name="uq_users_name"),
        sa.UniqueConstraint("subject", name="uq_users_subject"),
    )


def _sessions() -> None:
    op.create_table(
        "user_sessions",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("user_id", columns.RowId, nullable=False),
        sa.Column("csrf", sa.String(64), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("agent", sa.String(200), nullable=False),
        sa.Column("method", sa.String(12), nullable=False),
        sa.Column("created_at", columns.UtcTime(), nullable=False),
        sa.Column("seen_at", columns.UtcTime(), nullable=False),
        sa.Column("expires_at", columns.UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_user_sessions_user_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_user_sessions"),
    )
    _index("user_sessions", "user_id")
    _index("user_sessions", "expires_at")


def _api_tokens() -> None:
    op.create_table(
        "api_tokens",
        sa.Column("id", columns.RowId, autoincrement=True, nullable=False),
        sa.Column("user_id", columns.RowId, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("hint", sa.String(12), nullable=False),
        sa.Column("created_at", columns.UtcTime(), nullable=False),
        sa.Column("expires_at", columns.UtcTime(), nullable=False),
        sa.Column("used_at", columns.UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_api_tokens_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_api_tokens"),
        sa.UniqueConstraint("hash", name="uq_api_tokens_hash"),
    )
    _index("api_tokens", "user_id")


def _sign_ins() -> None:
    op.create_table(
        "sign_ins",
        sa.Column("id", columns.RowId, autoincrement=True, nullable=False),
        sa.Column("at", columns.UtcTime(), nullable=False),
        sa.Column("name_hash", sa.LargeBinary(), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("device", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sign_ins"),
    )
    for names in (("name_hash", "device", "at"), ("address", "at"), ("at",)):
        _index("sign_ins", *names)
