"""Queued mail stands in the mailbox ``Outbox``, and one copy of it in Sent.  docs/spec/outbox.md."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add what ties a submission to its place; what is queued already stands in no mailbox."""
    for statement in (
        # While it waits: the message, and its place.  Its body is then the outbox's too.
        "ALTER TABLE outbox ADD COLUMN message INTEGER",
        "ALTER TABLE outbox ADD COLUMN mailbox INTEGER",
        "ALTER TABLE outbox ADD COLUMN uid INTEGER",
        "CREATE INDEX outbox_message ON outbox (message) WHERE message IS NOT NULL",
        # name: 16 octets of BLAKE2b of the Message-ID.  own: the gateway has put it there.
        """CREATE TABLE sent_copy (
            name BLOB PRIMARY KEY,
            queue_id TEXT NOT NULL,
            mailbox INTEGER,
            uid INTEGER,
            own INTEGER NOT NULL
        ) WITHOUT ROWID""",
    ):
        op.execute(statement)
