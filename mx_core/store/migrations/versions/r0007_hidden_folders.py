"""Client passwords whose mail programs do not list folders with a rule.  docs/spec/folders.md §1."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column; programs that log in already see what they saw."""
    op.execute("ALTER TABLE client_password ADD COLUMN folders INTEGER NOT NULL DEFAULT 1")
