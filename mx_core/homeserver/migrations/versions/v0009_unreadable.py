"""Where a submission went, and what a device of the reader says that it cannot open."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add both; of what was submitted before it is not known where it went."""
    op.add_column("submitted", sa.Column("destination", sa.Text))
    op.add_column(
        "submitted",
        sa.Column("unreadable", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    op.create_index("submitted_env", "submitted", ["env_id"])
    op.add_column("delivery", sa.Column("unreadable", sa.LargeBinary))
