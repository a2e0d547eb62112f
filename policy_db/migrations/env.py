"""What Alembic runs, on the connection and in the transaction that `policy_db.migrate` gives it."""

from __future__ import annotations

from alembic import context

from policy_db.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
