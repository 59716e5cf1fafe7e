"""Invitations that were made here, and those of others that are being used.  docs/spec/invitations.md."""

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Add both; there are none yet."""
    for statement in (
        # made by this account; who takes one back deletes it
        """CREATE TABLE invitation (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL,
            seed BLOB NOT NULL,
            secret BLOB NOT NULL,
            uses INTEGER NOT NULL,
            used INTEGER NOT NULL,
            made INTEGER NOT NULL,
            expires INTEGER NOT NULL
        )""",
        # of others.  secret: before it is used, after: once it is.  proof: what shows the use.
        """CREATE TABLE held_invitation (
            pid BLOB PRIMARY KEY,
            secret BLOB NOT NULL,
            after BLOB NOT NULL,
            proof BLOB NOT NULL,
            expires INTEGER NOT NULL,
            is_used INTEGER NOT NULL
        ) WITHOUT ROWID""",
    ):
        op.execute(statement)
