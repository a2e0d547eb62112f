"""What may be suggested to callers, what was decided for each, what became of it, and whom never to ask."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from policy_db import columns

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_INDEXES = {
    "suggestions": (("call_id", "decided_at"), ("customer", "decided_at"), ("decided_at",), ("arm", "decided_at")),
    "referrals": (
        ("call_id",), ("customer", "flagged_at"), ("state", "flagged_at"), ("flagged_at",), ("seat", "state"),
        ("referred_by", "flagged_at"), ("coordinator", "state"), ("suggestion",),
    ),
    "do_not_call": (("number",), ("customer",)),
}  # fmt: skip


def upgrade() -> None:
    _offered_products()
    _suggestions()
    _referrals()
    _do_not_call()
    for table, indexes in _INDEXES.items():
        for names in indexes:
            op.create_index(f"ix_{table}_{'_'.join(names)}", table, list(names))


def downgrade() -> None:
    for table in ("do_not_call", "referral_steps", "referrals", "suggestions", "offered_products"):
        op.drop_table(table)


def _text(name: str, length: int, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=nullable)


def _json(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, columns.Json, nullable=False) for name in names]


def _at(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, columns.UtcTime(), nullable=nullable)


def _share(name: str, *, nullable: bool = True) -> sa.Column[float]:
    return sa.Column(name, sa.Float(53), nullable=nullable)


def _one_of(table: str, column: str, *values: str) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}"))


def _refers(table: str, column: str, to: str, ondelete: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [to], name=op.f(f"fk_{table}_{column}"), ondelete=ondelete)


def _key(table: str, *names: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*names, name=op.f(f"pk_{table}"))


def _offered_products() -> None:
    op.create_table(
        "offered_products",
        _text("product", 10),
        sa.Column("active", sa.Boolean(), nullable=False),
        _text("selling", 10),
        _text("line", 10),
        _text("licence", 40),
        _text("queue", 64),
        sa.Column("margin", columns.Amount(), nullable=False),
        sa.Column("premium", columns.Amount(), nullable=False),
        *_json("limits", "talk", "reasons"),
        _at("changed_at"),
        _text("changed_by", 100),
        sa.Column("version", sa.Integer(), nullable=False),
        _one_of("offered_products", "selling", "simple", "complex"),
        _one_of("offered_products", "line", "life", "health", "property"),
        _refers("offered_products", "product", "products.code", "CASCADE"),
        _key("offered_products", "product"),
    )


def _suggestions() -> None:
    op.create_table(
        "suggestions",
        _text("id", 64),
        _text("call_id", 64),
        _text("customer", 20),
        _text("policy", 20),
        _at("decided_at"),
        _text("language", 20),
        _text("gate", 40),
        *_json("gates"),
        _text("arm", 10),
        _text("product", 10),
        _share("probability"),
        _share("propensity"),
        _share("offer_propensity"),
        *_json("candidates", "reasons", "portfolio", "features", "models"),
        _text("script", 40),
        _share("milliseconds", nullable=False),
        _one_of("suggestions", "arm", "none", "offer", "holdout", "random"),
        _key("suggestions", "id"),
    )


def _referrals() -> None:
    op.create_table(
        "referrals",
        _text("id", 64),
        _text("suggestion", 64, nullable=True),
        _text("call_id", 64),
        _text("customer", 20),
        _text("product", 10),
        *_json("also"),
        _text("script", 40),
        _text("state", 12),
        _at("flagged_at"),
        _at("changed_at"),
        _text("referred_by", 64),
        _text("seat", 64),
        _text("coordinator", 64),
        _text("policy", 20),
        sa.Column("premium", columns.Amount(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        _one_of(
            "referrals", "state", "flagged", "offered", "accepted", "transferred", "connected", "quoted", "sold",
            "declined", "refused", "lost",
        ),
        _refers("referrals", "suggestion", "suggestions.id", "SET NULL"),
        _key("referrals", "id"),
    )  # fmt: skip
    op.create_table(
        "referral_steps",
        _text("referral", 64),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        _text("state", 12),
        _at("at"),
        _text("who", 100),
        sa.Column("note", sa.Text(), nullable=False),
        _refers("referral_steps", "referral", "referrals.id", "CASCADE"),
        _key("referral_steps", "referral", "seq"),
    )


def _do_not_call() -> None:
    op.create_table(
        "do_not_call",
        sa.Column("id", columns.RowId, autoincrement=True, nullable=False),
        _text("number", 64),
        _text("customer", 20),
        _text("scope", 10),
        _at("since"),
        _at("until", nullable=True),
        _text("source", 100),
        _at("removed_at", nullable=True),
        _text("removed_by", 100),
        _one_of("do_not_call", "scope", "sales", "all"),
        sa.CheckConstraint("number <> '' OR customer <> ''", name=op.f("ck_do_not_call_someone")),
        _key("do_not_call", "id"),
    )
