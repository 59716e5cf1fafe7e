"""When a submission may leave at the earliest.  docs/spec/outbox.md §6."""

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Add the moment; what is queued already may leave at once."""
    op.execute("ALTER TABLE outbox ADD COLUMN not_before INTEGER NOT NULL DEFAULT 0")
