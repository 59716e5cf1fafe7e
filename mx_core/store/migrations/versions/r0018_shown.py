"""A submission is accepted first and put into Outbox right after.  docs/spec/outbox.md §1."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Tell which submissions are still to be put there; all that are queued already were."""
    op.execute("ALTER TABLE outbox ADD COLUMN shown INTEGER NOT NULL DEFAULT 1")
