"""Where a parcel goes: the address that its recipient has moved to.  docs/spec/card.md §4."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the column; what was sealed before goes to the address that was written to."""
    op.execute("ALTER TABLE parcel ADD COLUMN route TEXT NOT NULL DEFAULT ''")
