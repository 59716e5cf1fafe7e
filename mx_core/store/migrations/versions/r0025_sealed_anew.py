"""What left can be sealed anew, if no device of the reader can open it.  docs/spec/unreadable.md."""

from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Keep octets for a while after a message has left; of what left before, none are kept."""
    for statement in (
        # kept: the body of a settled submission, which body named before.  alone: no message of a
        # mailbox has that body.  settled: since when it is kept.
        "ALTER TABLE outbox ADD COLUMN kept INTEGER",
        "ALTER TABLE outbox ADD COLUMN settled INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE outbox ADD COLUMN alone INTEGER NOT NULL DEFAULT 1",
        "UPDATE outbox SET alone = (message IS NULL)",
        # asked: the word of a device that can not open it, until it is sealed anew.
        "ALTER TABLE outbox_recipient ADD COLUMN asked BLOB",
        "ALTER TABLE outbox_recipient ADD COLUMN asked_at INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE outbox_recipient ADD COLUMN sealed_anew INTEGER NOT NULL DEFAULT 0",
        # unreadable: what the network says of this envelope later changes nothing.
        "ALTER TABLE handed_over ADD COLUMN unreadable INTEGER NOT NULL DEFAULT 0",
        # Envelopes that opened with no key of this device.  told: 0 not yet, 1 their sender's
        # server knows of it, 2 it knows no sender.
        """CREATE TABLE unreadable_envelope (
            env_id BLOB PRIMARY KEY,
            peer_domain TEXT NOT NULL,
            at INTEGER NOT NULL,
            next_at INTEGER NOT NULL,
            attempts INTEGER NOT NULL,
            told INTEGER NOT NULL
        ) WITHOUT ROWID""",
    ):
        op.execute(statement)
