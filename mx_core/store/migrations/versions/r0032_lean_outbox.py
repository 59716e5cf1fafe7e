"""Accepting a submission writes no index: what is due is listed once it is shown.

That a msg_id, 16 random octets, is unique needs no page of its own either.
"""

from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """Make the table anew without that index, with the new column at its end."""
    for statement in (
        "DROP INDEX outbox_due",
        """CREATE TABLE outbox_recipient_lean (
            queue_id TEXT NOT NULL,
            place INTEGER NOT NULL,
            recipient TEXT NOT NULL,
            hidden INTEGER NOT NULL,
            msg_id BLOB NOT NULL,
            policy TEXT NOT NULL,
            state TEXT NOT NULL
                CHECK (state IN ('queued', 'sealed', 'sent', 'relayed', 'failed', 'held')),
            attempts INTEGER NOT NULL,
            next_at INTEGER NOT NULL,
            reason TEXT NOT NULL,
            status TEXT NOT NULL,
            notify TEXT NOT NULL DEFAULT 'delay,failure',
            orcpt TEXT NOT NULL DEFAULT '',
            delay_told INTEGER NOT NULL DEFAULT 0,
            decision TEXT NOT NULL DEFAULT '',
            asked BLOB,
            asked_at INTEGER NOT NULL DEFAULT 0,
            sealed_anew INTEGER NOT NULL DEFAULT 0,
            reduced INTEGER NOT NULL DEFAULT 0,
            listed INTEGER NOT NULL,
            PRIMARY KEY (queue_id, recipient)
        ) WITHOUT ROWID""",
        """INSERT INTO outbox_recipient_lean
            SELECT queue_id, place, recipient, hidden, msg_id, policy, state, attempts, next_at,
                reason, status, notify, orcpt, delay_told, decision, asked, asked_at, sealed_anew,
                reduced, coalesce((SELECT shown FROM outbox
                    WHERE outbox.queue_id = outbox_recipient.queue_id), 1)
            FROM outbox_recipient""",
        "DROP TABLE outbox_recipient",
        "ALTER TABLE outbox_recipient_lean RENAME TO outbox_recipient",
        """CREATE INDEX outbox_due ON outbox_recipient (next_at)
            WHERE listed AND state IN ('queued', 'sealed')""",
    ):
        op.execute(statement)
