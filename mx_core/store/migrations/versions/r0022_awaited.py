"""Bodies of strangers' messages that are still at their server.  docs/spec/requests.md."""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Add what is awaited; nothing is yet."""
    op.execute(
        # name: which body, and how long.  status: the block that the message will begin with.
        """CREATE TABLE awaited_body (
            env_id BLOB PRIMARY KEY,
            pid BLOB NOT NULL,
            address TEXT NOT NULL,
            peer_domain TEXT NOT NULL,
            name BLOB NOT NULL,
            body_key BLOB NOT NULL,
            statement BLOB NOT NULL,
            status BLOB NOT NULL,
            received INTEGER NOT NULL,
            attempts INTEGER NOT NULL,
            next_at INTEGER NOT NULL
        ) WITHOUT ROWID"""
    )
