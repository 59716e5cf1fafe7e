"""What a sender asks to be told (RFC 3461), and whether a delay was told already."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns; what waits already is told as usual."""
    for statement in (
        "ALTER TABLE outbox ADD COLUMN envid TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE outbox ADD COLUMN return_full INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE outbox_recipient ADD COLUMN notify TEXT NOT NULL DEFAULT 'delay,failure'",
        "ALTER TABLE outbox_recipient ADD COLUMN orcpt TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE outbox_recipient ADD COLUMN delay_told INTEGER NOT NULL DEFAULT 0",
    ):
        op.execute(statement)
