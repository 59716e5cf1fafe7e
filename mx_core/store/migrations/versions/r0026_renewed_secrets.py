"""Secrets that a lost device knows are renewed; what was sealed to a key past its time is known."""

from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Add what is remembered of it; nothing is old yet.  docs/spec/admission.md §1."""
    for statement in (
        # stale: since when mine is to be replaced with the next mail; 0: it is not.
        # before: what mine was, and until when it still lets in.
        "ALTER TABLE contact_secret ADD COLUMN stale INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE contact_secret ADD COLUMN before BLOB",
        "ALTER TABLE contact_secret ADD COLUMN before_until INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE outbox_recipient ADD COLUMN reduced INTEGER NOT NULL DEFAULT 0",
    ):
        op.execute(statement)
