"""What was brought is found by its octets, for servers that number anew.  docs/spec/imports.md §6."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the index."""
    op.execute("CREATE INDEX imported_digest ON imported (folder, digest)")
