"""Where each large body lies: a name of its own in the depot.  NULL: under its hash alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the column."""
    op.add_column("blob", sa.Column("place", sa.Text))
