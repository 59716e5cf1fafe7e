"""When messages came into a mailbox.  RFC 8514.

Mail that was there before is dated by this upgrade: nobody wrote down when it came.
"""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table."""
    # ``at`` holds from first_uid on, up to the next row of the mailbox; so UIDs that came
    # within one second share a row.
    op.execute(
        """CREATE TABLE saved (
            mailbox INTEGER NOT NULL,
            first_uid INTEGER NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY (mailbox, first_uid)
        ) WITHOUT ROWID"""
    )
    op.execute(
        "INSERT INTO saved SELECT id, 1, CAST(strftime('%s', 'now') AS INTEGER) FROM mailbox"
        " WHERE uid_next > 1"
    )
