"""Receipts that are owed, and what receipts that come may speak of.  docs/spec/receipts.md."""

from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Add both; what was sealed before can not be receipted for."""
    for statement in (
        # due: from when on it is sent alone, if no mail has taken it along
        """CREATE TABLE owed_receipt (
            msg_id BLOB PRIMARY KEY,
            pid BLOB NOT NULL,
            address TEXT NOT NULL,
            body BLOB NOT NULL,
            signature BLOB NOT NULL,
            due INTEGER NOT NULL
        ) WITHOUT ROWID""",
        "CREATE INDEX owed_receipt_due ON owed_receipt (due)",
        # digest: names one S.  pid: whom it is sealed to.  delivered: the day, once they said so
        """CREATE TABLE sealed_statement (
            digest BLOB PRIMARY KEY,
            queue_id TEXT NOT NULL,
            recipient TEXT NOT NULL,
            pid BLOB NOT NULL,
            delivered INTEGER
        ) WITHOUT ROWID""",
        "CREATE INDEX sealed_statement_of ON sealed_statement (queue_id)",
    ):
        op.execute(statement)
