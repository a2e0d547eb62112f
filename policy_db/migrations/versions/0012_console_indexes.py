"""Indexes by which the console's lists are found: messages in the order they are shown in, and how many there are."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

#: Those that hold the whole order of a list, in place of those that hold its beginning.
_LONGER = (
    ("received_at", ("received_at", "recording_id")),
    ("due_at", ("due_at", "received_at", "recording_id")),
)
_COUNTED = ("state", "mailbox", "assignee", "due_at")


def upgrade() -> None:
    for first, columns in _LONGER:
        op.drop_index(f"ix_messages_{first}", "messages")
        op.create_index(_named(columns), "messages", list(columns))
    op.create_index(_named(_COUNTED), "messages", list(_COUNTED))


def downgrade() -> None:
    op.drop_index(_named(_COUNTED), "messages")
    for first, columns in reversed(_LONGER):
        op.drop_index(_named(columns), "messages")
        op.create_index(f"ix_messages_{first}", "messages", [first])


def _named(columns: tuple[str, ...]) -> str:
    return f"ix_messages_{'_'.join(columns)}"
