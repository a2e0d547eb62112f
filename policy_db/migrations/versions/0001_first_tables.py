"""The first tables."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from policy_db import columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


_SQL = Path(__file__).parents[1] / "sql"
_TABLES = (
    "recordings",
    "payments",
    "claim_attachments",
    "claim_answers",
    "call_events",
    "instalments",
    "documents",
    "coverages",
    "complaints",
    "commissions",
    "claims",
    "calls",
    "beneficiaries",
    "rates",
    "policies",
    "consents",
    "salespeople",
    "products",
    "preferences",
    "facts",
    "customers",
    "counters",
    "audit",
    "attempts",
)


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", columns.RowId, autoincrement=True, nullable=False),
        sa.Column("at", columns.UtcTime(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("caller", sa.String(length=64), nullable=False),
        sa.Column("subject_hash", sa.LargeBinary(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    op.create_index("ix_attempts_caller_kind_at", "attempts", ["caller", "kind", "at"], unique=False)
    op.create_index(
        "ix_attempts_subject_hash_kind_at", "attempts", ["subject_hash", "kind", "at"], unique=False
    )

    op.create_table(
        "audit",
        sa.Column("id", columns.RowId, autoincrement=True, nullable=False),
        sa.Column("at", columns.UtcTime(), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.Column("details", columns.Json, nullable=False),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_subject_at", "audit", ["subject", "at"], unique=False)

    op.create_table(
        "counters",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
    )
    op.create_table(
        "customers",
        sa.Column("id", columns.RowId, autoincrement=True, nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("sex", sa.String(length=1), nullable=False),
        sa.Column("born_on", sa.Date(), nullable=False),
        sa.Column("id_cipher", sa.LargeBinary(), nullable=False),
        sa.Column("id_hash", sa.LargeBinary(), nullable=False),
        sa.Column("id_tail_hash", sa.LargeBinary(), nullable=False),
        sa.Column("pin_hash", sa.String(length=200), nullable=True),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("email", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.Column("province", sa.String(length=50), nullable=False),
        sa.Column("city", sa.String(length=50), nullable=False),
        sa.Column("postcode", sa.String(length=20), nullable=False),
        sa.Column("occupation", sa.String(length=50), nullable=False),
        sa.Column("language", sa.String(length=20), nullable=False),
        sa.Column("created_at", columns.UtcTime(), nullable=False),
        sa.CheckConstraint("sex IN ('m', 'f')", name=op.f("ck_customers_sex")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
        sa.UniqueConstraint("number", name=op.f("uq_customers_number")),
    )
    op.create_index("ix_customers_id_hash", "customers", ["id_hash"], unique=False)
    op.create_index("ix_customers_phone", "customers", ["phone"], unique=False)

    op.create_table(
        "facts",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(length=400), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_facts")),
    )
    op.create_table(
        "preferences",
        sa.Column("caller", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=20), nullable=False),
        sa.Column("updated_at", columns.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("caller", name=op.f("pk_preferences")),
    )
    op.create_table(
        "products",
        sa.Column("id", columns.RowId, autoincrement=True, nullable=False),
        sa.Column("code", sa.String(length=10), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("product_class", sa.String(length=20), nullable=False),
        sa.Column("names", columns.Json, nullable=False),
        sa.Column("summary", columns.Json, nullable=False),
        sa.Column("terms", columns.Json, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("least_age", sa.Integer(), nullable=False),
        sa.Column("most_age", sa.Integer(), nullable=False),
        sa.Column("least_sum", columns.Amount(16, 2), nullable=False),
        sa.Column("most_sum", columns.Amount(16, 2), nullable=False),
        sa.Column("frequency", sa.String(length=10), nullable=False),
        sa.Column("grace_days", sa.Integer(), nullable=False),
        sa.Column("lapses", sa.Boolean(), nullable=False),
        sa.Column("on_sale_from", sa.Date(), nullable=False),
        sa.Column("on_sale_to", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "product_class IN ('life', 'health', 'motor', 'property', 'accident')",
            name=op.f("ck_products_class"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
        sa.UniqueConstraint("code", name=op.f("uq_products_code")),
        sa.UniqueConstraint("key", name=op.f("uq_products_key")),
    )
    op.create_table(
        "salespeople",
        sa.Column("id", columns.RowId, autoincrement=True, nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("email", sa.String(length=200), nullable=False),
        sa.Column("branch", sa.String(length=100), nullable=False),
        sa.Column("hired_on", sa.Date(), nullable=False),
        sa.Column("left_on", sa.Date(), nullable=True),
        sa.Column("pin_hash", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_salespeople")),
        sa.UniqueConstraint("number", name=op.f("uq_salespeople_number")),
    )
    op.create_index("ix_salespeople_phone", "salespeople", ["phone"], unique=False)

    op.create_table(
        "consents",
        sa.Column("id", columns.RowId, autoincrement=True, nullable=False),
        sa.Column("customer_id", columns.RowId, nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("at", columns.UtcTime(), nullable=False),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_consents_customer_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    op.create_index(
        "ix_consents_customer_id_purpose_at", "consents", ["customer_id", "purpose", "at"], unique=False
    )

    op.create_table(
        "policies",
        sa.Column("id", columns.RowId, autoincrement=True, nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("customer_id", columns.RowId, nullable=False),
        sa.Column("product_id", columns.RowId, nullable=False),
        sa.Column("salesperson_id", columns.RowId, nullable=True),
        sa.Column("insured", sa.String(length=100), nullable=False),
        sa.Column("sum_insured", columns.Amount(16, 2), nullable=False),
        sa.Column("premium", columns.Amount(16, 2), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("frequency", sa.String(length=10), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("surrendered_on", sa.Date(), nullable=True),
        sa.Column("created_at", columns.UtcTime(), nullable=False),
        sa.CheckConstraint(
            "frequency IN ('monthly', 'quarterly', 'yearly', 'single')", name=op.f("ck_policies_frequency")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_policies_customer_id")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_policies_product_id")),
        sa.ForeignKeyConstraint(
            ["salesperson_id"], ["salespeople.id"], name=op.f("fk_policies_salesperson_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policies")),
        sa.UniqueConstraint("number", name=op.f("uq_policies_number")),
    )
    op.create_index("ix_policies_customer_id", "policies", ["customer_id"], unique=False)
    op.create_index("ix_policies_product_id", "policies", ["product_id"], unique=False)
    op.create_index("ix_policies_salesperson_id", "policies", ["salesperson_id"], unique=False)

    op.create_table(
        "rates",
        sa.Column("id", columns.RowId, autoincrement=True, nullable=False),
        sa.Column("product_id", columns.RowId, nullable=False),
        sa.Column("sex", sa.String(length=3), nullable=False),
        sa.Column("age_from", sa.Integer(), nullable=False),
        sa.Column("age_to", sa.Integer(), nullable=False),
        sa.Column("term", sa.Integer(), nullable=False),
        sa.Column("rate", columns.Amount(12, 4), nullable=False),
        sa.CheckConstraint("sex IN ('m', 'f', 'any')", name=op.f("ck_rates_sex")),
        sa.CheckConstraint("age_from <= age_to", name=op.f("ck_rates_ages")),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("fk_rates_product_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rates")),
    )
    op.create_index(
        "ix_rates_product_id_term_age_from_sex",
        "rates",
        ["product_id", "term", "age_from", "sex"],
        unique=True,
    )

    op.create_table(
        "beneficiaries",
        sa.Column("id", columns.RowId, autoincrement=True, nullable=False),
        sa.Column("policy_id", columns.RowId, nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("relation", sa.String(length=40), nullable=False),
        sa.Column("share", columns.Amount(5, 2), nullable=False),
        sa.ForeignKeyConstraint(
            ["policy_id"], ["policies.id"], name=op.f("fk_beneficiaries_policy_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_beneficiaries")),
    )
    op.create_index("ix_beneficiaries_policy_id", "beneficiaries", ["policy_id"], unique=False)

    op.create_table(
        "calls",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("worker", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("caller", sa.String(length=64), nullable=False),
        sa.Column("called", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=20), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("flow", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("started_at", columns.UtcTime(), nullable=False),
        sa.Column("ended_at", columns.UtcTime(), nullable=True),
        sa.Column("end_reason", sa.String(length=40), nullable=False),
        sa.Column("policy_id", columns.RowId, nullable=True),
        sa.CheckConstraint("state IN ('running', 'finished', 'broken_off')", name=op.f("ck_calls_state")),
        sa.ForeignKeyConstraint(["policy_id"], ["policies.id"], name=op.f("fk_calls_policy_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calls")),
    )
    op.create_index("ix_calls_caller", "calls", ["caller"], unique=False)
    op.create_index("ix_calls_policy_id", "calls", ["policy_id"], unique=False)
    op.create_index("ix_calls_started_at", "calls", ["started_at"], unique=False)
    op.create_index("ix_calls_worker_state", "calls", ["worker", "state"], unique=False)

    op.create_table(
        "claims",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.String(length=12), nullable=False),
        sa.Column("policy_id", columns.RowId, nullable=True),
        sa.Column("policy_said", sa.String(length=40), nullable=False),
        sa.Column("caller", sa.String(length=64), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("begun_at", columns.UtcTime(), nullable=False),
        sa.Column("saved_at", columns.UtcTime(), nullable=False),
        sa.Column("submitted_at", columns.UtcTime(), nullable=True),
        sa.Column("reported_on", sa.Date(), nullable=False),
        sa.Column("paid", columns.Amount(16, 2), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("missing", sa.Text(), nullable=True),
        sa.Column("broken_off", sa.Boolean(), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=True),
        sa.CheckConstraint(
            "status IN ('draft', 'reported', 'reviewing', 'approved', 'paid', 'declined', 'missing_documents')",
            name=op.f("ck_claims_status"),
        ),
        sa.ForeignKeyConstraint(["policy_id"], ["policies.id"], name=op.f("fk_claims_policy_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claims")),
        sa.UniqueConstraint("key", name=op.f("uq_claims_key")),
        sa.UniqueConstraint("number", name=op.f("uq_claims_number")),
    )
    op.create_index("ix_claims_call_id", "claims", ["call_id"], unique=False)
    op.create_index(
        "ix_claims_caller_status_begun_at", "claims", ["caller", "status", "begun_at"], unique=False
    )
    op.create_index("ix_claims_policy_id_status", "claims", ["policy_id", "status"], unique=False)

    op.create_table(
        "commissions",
        sa.Column("id", columns.RowId, autoincrement=True, nullable=False),
        sa.Column("salesperson_id", columns.RowId, nullable=False),
        sa.Column("policy_id", columns.RowId, nullable=True),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("amount", columns.Amount(16, 2), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["policy_id"], ["policies.id"], name=op.f("fk_commissions_policy_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["salesperson_id"],
            ["salespeople.id"],
            name=op.f("fk_commissions_salesperson_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commissions")),
    )
    op.create_index("ix_commissions_policy_id", "commissions", ["policy_id"], unique=False)
    op.create_index(
        "ix_commissions_salesperson_id_month", "commissions", ["salesperson_id", "month"], unique=False
    )

    op.create_table(
        "complaints",
        sa.Column("id", columns.RowId, autoincrement=True, nullable=False),
        sa.Column("number", sa.String(length=10), nullable=False),
        sa.Column("customer_id", columns.RowId, nullable=True),
        sa.Column("policy_id", columns.RowId, nullable=True),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.CheckConstraint("status IN ('open', 'in_progress', 'closed')", name=op.f("ck_complaints_status")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_complaints_customer_id")),
        sa.ForeignKeyConstraint(["policy_id"], ["policies.id"], name=op.f("fk_complaints_policy_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaints")),
        sa.UniqueConstraint("number", name=op.f("uq_complaints_number")),
    )
    op.create_index("ix_complaints_customer_id", "complaints", ["customer_id"], unique=False)
    op.create_index("ix_complaints_policy_id_status", "complaints", ["policy_id", "status"], unique=False)

    op.create_table(
        "coverages",
        sa.Column("id", columns.RowId, autoincrement=True, nullable=False),
        sa.Column("policy_id", columns.RowId, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("sum_insured", columns.Amount(16, 2), nullable=False),
        sa.Column("deductible", columns.Amount(16, 2), nullable=False),
        sa.ForeignKeyConstraint(
            ["policy_id"], ["policies.id"], name=op.f("fk_coverages_policy_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coverages")),
    )
    op.create_index("ix_coverages_policy_id", "coverages", ["policy_id"], unique=False)

    op.create_table(
        "documents",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("policy_id", columns.RowId, nullable=True),
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=20), nullable=False),
        sa.Column("file", sa.String(length=400), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("created_at", columns.UtcTime(), nullable=False),
        sa.CheckConstraint("state IN ('queued', 'sent', 'failed')", name=op.f("ck_documents_state")),
        sa.ForeignKeyConstraint(["policy_id"], ["policies.id"], name=op.f("fk_documents_policy_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents")),
    )
    op.create_index("ix_documents_call_id", "documents", ["call_id"], unique=False)
    op.create_index("ix_documents_policy_id", "documents", ["policy_id"], unique=False)

    op.create_table(
        "instalments",
        sa.Column("id", columns.RowId, autoincrement=True, nullable=False),
        sa.Column("policy_id", columns.RowId, nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("amount", columns.Amount(16, 2), nullable=False),
        sa.Column("paid", columns.Amount(16, 2), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.CheckConstraint("paid >= 0 AND paid <= amount", name=op.f("ck_instalments_paid")),
        sa.ForeignKeyConstraint(
            ["policy_id"], ["policies.id"], name=op.f("fk_instalments_policy_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instalments")),
    )
    op.create_index("ix_instalments_policy_id_due_on", "instalments", ["policy_id", "due_on"], unique=True)

    op.create_table(
        "call_events",
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Float(precision=53), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("data", columns.Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name=op.f("fk_call_events_call_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("call_id", "seq", name=op.f("pk_call_events")),
    )
    op.create_table(
        "claim_answers",
        sa.Column("claim_id", sa.String(length=40), nullable=False),
        sa.Column("field", sa.String(length=20), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("saved_at", columns.UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["claim_id"], ["claims.id"], name=op.f("fk_claim_answers_claim_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("claim_id", "field", name=op.f("pk_claim_answers")),
    )
    op.create_table(
        "claim_attachments",
        sa.Column("claim_id", sa.String(length=40), nullable=False),
        sa.Column("field", sa.String(length=20), nullable=False),
        sa.Column("recording_id", sa.String(length=64), nullable=False),
        sa.Column("attached_at", columns.UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["claim_id"], ["claims.id"], name=op.f("fk_claim_attachments_claim_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("claim_id", "field", "recording_id", name=op.f("pk_claim_attachments")),
    )
    op.create_table(
        "payments",
        sa.Column("id", columns.RowId, autoincrement=True, nullable=False),
        sa.Column("instalment_id", columns.RowId, nullable=False),
        sa.Column("amount", columns.Amount(16, 2), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["instalment_id"], ["instalments.id"], name=op.f("fk_payments_instalment_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
    )
    op.create_index("ix_payments_instalment_id", "payments", ["instalment_id"], unique=False)
    op.create_index(
        "ix_payments_reference_instalment_id", "payments", ["reference", "instalment_id"], unique=True
    )

    op.create_table(
        "recordings",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=20), nullable=False),
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("worker", sa.String(length=64), nullable=False),
        sa.Column("claim_id", sa.String(length=40), nullable=True),
        sa.Column("mailbox", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=100), nullable=False),
        sa.Column("caller", sa.String(length=64), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("file", sa.String(length=400), nullable=False),
        sa.Column("seconds", sa.Float(precision=53), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("why", sa.String(length=20), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("started_at", columns.UtcTime(), nullable=False),
        sa.Column("ended_at", columns.UtcTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('recording', 'kept', 'discarded', 'broken_off')", name=op.f("ck_recordings_state")
        ),
        sa.ForeignKeyConstraint(
            ["claim_id"], ["claims.id"], name=op.f("fk_recordings_claim_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recordings")),
    )
    op.create_index("ix_recordings_call_id", "recordings", ["call_id"], unique=False)
    op.create_index("ix_recordings_claim_id", "recordings", ["claim_id"], unique=False)
    op.create_index(
        "ix_recordings_mailbox_state_started_at",
        "recordings",
        ["mailbox", "state", "started_at"],
        unique=False,
    )
    op.create_index("ix_recordings_worker_state", "recordings", ["worker", "state"], unique=False)
    _append_only()


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION policy_db_append_only()")


def _append_only() -> None:
    """Let the database itself refuse to change what is only ever added to."""
    script = _SQL / f"0001_append_only.{op.get_bind().dialect.name}.sql"
    for statement in script.read_text("utf-8").split("-- next"):
        op.execute(statement)
