"""Octets in rows may be compressed.  docs/decisions/0014-octets-are-compressed-at-rest.md."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add how the octets of a body stand; those that are there stand as they are."""
    op.execute("ALTER TABLE body ADD COLUMN coding INTEGER NOT NULL DEFAULT 0")
