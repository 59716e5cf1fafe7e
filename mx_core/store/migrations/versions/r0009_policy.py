"""Rules about whom to write to how, and what was decided for each recipient.  docs/spec/policy.md."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the tables; of what waits already it is not known why it may leave."""
    for statement in (
        """CREATE TABLE policy_rule (
            scope TEXT NOT NULL,
            name TEXT NOT NULL,
            value TEXT NOT NULL,
            PRIMARY KEY (scope, name)
        ) WITHOUT ROWID""",
        # 16 octets of BLAKE2b of the Message-ID of mail that came or went end-to-end encrypted
        "CREATE TABLE encrypted_message (id BLOB PRIMARY KEY) WITHOUT ROWID",
        "ALTER TABLE outbox_recipient ADD COLUMN decision TEXT NOT NULL DEFAULT ''",
    ):
        op.execute(statement)
