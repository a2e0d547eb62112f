"""Documents that were made and sent, links to them, faxes, and what policyholders sent in."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from policy_db import columns

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_NEW_COLUMNS = ("customer", "claim", "facts", "problem", "sent_at", "made_by", "batch")
_DOCUMENT_INDEXES = ("created_at", "customer", "claim", "batch")
_LINK_INDEXES = ("document_id", "customer", "policy", "claim", "call_id", "expires_at")


def upgrade() -> None:
    _documents_up()
    _faxes_up()


def downgrade() -> None:
    _faxes_down()
    _documents_down()


def _documents_up() -> None:
    new: tuple[sa.Column[Any], ...] = (
        *(sa.Column(name, sa.String(length), nullable=False, server_default="")
          for name, length in (("customer", 20), ("claim", 20), ("problem", 200), ("made_by", 100))),
        sa.Column("facts", columns.Json, nullable=False, server_default="{}"),
        sa.Column("sent_at", columns.UtcTime(), nullable=True),
        sa.Column("batch", sa.Integer(), nullable=True),
    )  # fmt: skip
    for column in new:
        op.add_column("documents", column)
    for name in _DOCUMENT_INDEXES:
        op.create_index(f"ix_documents_{name}", "documents", [name])
    op.create_table(
        "document_contents",
        sa.Column("document_id", sa.String(64), nullable=False),
        sa.Column("cipher", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("made_at", columns.UtcTime(), nullable=False),
        _gone_with("document_contents", "document_id", "documents"),
        sa.PrimaryKeyConstraint("document_id", name="pk_document_contents"),
    )
    _links()
    _claim_papers()
    op.create_table(
        "post_batches",
        sa.Column("id", columns.RowId, autoincrement=True, nullable=False),
        sa.Column("made_at", columns.UtcTime(), nullable=False),
        sa.Column("made_by", sa.String(100), nullable=False),
        sa.Column("posted_at", columns.UtcTime(), nullable=True),
        sa.Column("posted_by", sa.String(100), nullable=False),
        sa.Column("letters", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_post_batches"),
    )


def _documents_down() -> None:
    for table in ("post_batches", "claim_papers", "links", "document_contents"):
        op.drop_table(table)
    for name in _DOCUMENT_INDEXES:
        op.drop_index(f"ix_documents_{name}", "documents")
    with op.batch_alter_table("documents") as changed:
        for name in _NEW_COLUMNS:
            changed.drop_column(name)


def _links() -> None:
    op.create_table(
        "links",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(32), nullable=False),
        *_words(kind=10, claim=20, policy=20, customer=20, call_id=64, language=20, asks=10),
        sa.Column("document_id", sa.String(64), nullable=True),
        sa.Column("facts", columns.Json, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("locked_until", columns.UtcTime(), nullable=True),
        sa.Column("opened_at", columns.UtcTime(), nullable=True),
        sa.Column("expires_at", columns.UtcTime(), nullable=False),
        sa.Column("created_at", columns.UtcTime(), nullable=False),
        sa.CheckConstraint("kind IN ('document', 'claim', 'pay')", name=op.f("ck_links_kind")),
        sa.CheckConstraint("asks IN ('code', 'holder')", name=op.f("ck_links_asks")),
        _gone_with("links", "document_id", "documents"),
        sa.PrimaryKeyConstraint("id", name="pk_links"),
    )
    op.create_index("ix_links_token_hash", "links", ["token_hash"], unique=True)
    for name in _LINK_INDEXES:
        op.create_index(f"ix_links_{name}", "links", [name])


def _claim_papers() -> None:
    op.create_table(
        "claim_papers",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("claim_id", sa.String(40), nullable=False),
        *_words(link_id=32, kind=10, name=100, media_type=40, sha256=64, seen_by=100),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("cipher", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", columns.UtcTime(), nullable=False),
        sa.Column("seen_at", columns.UtcTime(), nullable=True),
        sa.CheckConstraint("kind IN ('photo', 'paper')", name=op.f("ck_claim_papers_kind")),
        _gone_with("claim_papers", "claim_id", "claims"),
        sa.PrimaryKeyConstraint("id", name="pk_claim_papers"),
    )
    op.create_index("ix_claim_papers_claim_id_sha256", "claim_papers", ["claim_id", "sha256"], unique=True)
    op.create_index("ix_claim_papers_received_at", "claim_papers", ["received_at"])


def _faxes_up() -> None:
    op.create_table(
        "faxes",
        sa.Column("document_id", sa.String(64), nullable=False),
        *_words(number=64, call_id=64, state=10),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", columns.UtcTime(), nullable=False),
        *_words(holder=100),
        sa.Column("until", columns.UtcTime(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        *_words(outcome=20),
        sa.Column("speed", sa.Integer(), nullable=False),
        sa.Column("ecm", sa.Boolean(), nullable=False),
        *_words(coding=10, machine=40),
        sa.Column("history", columns.Json, nullable=False),
        sa.Column("created_at", columns.UtcTime(), nullable=False),
        sa.Column("ended_at", columns.UtcTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('prepared', 'waiting', 'sending', 'sent', 'failed')", name=op.f("ck_faxes_state")
        ),
        _gone_with("faxes", "document_id", "documents"),
        sa.PrimaryKeyConstraint("document_id", name="pk_faxes"),
    )
    op.create_index("ix_faxes_state_next_at", "faxes", ["state", "next_at"])
    for name in ("created_at", "call_id"):
        op.create_index(f"ix_faxes_{name}", "faxes", [name])


def _faxes_down() -> None:
    op.drop_table("faxes")


def _words(**lengths: int) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.String(length), nullable=False) for name, length in lengths.items()]


def _gone_with(table: str, column: str, owner: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{owner}.id"], name=op.f(f"fk_{table}_{column}_{owner}"), ondelete="CASCADE"
    )
