"""Bodies that came in a row and are too long to stay there are found without a look at the others."""

from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    """Index those alone."""
    op.execute("CREATE INDEX body_to_move ON body (id) WHERE file IS NULL AND size > 65536")
