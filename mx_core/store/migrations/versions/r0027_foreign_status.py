"""Messages that begin with a status which the gateway has not written.  docs/spec/status.md §3."""

from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Add the list; who wrote what stands there already was not noted."""
    op.execute("CREATE TABLE foreign_status (message INTEGER PRIMARY KEY)")
