"""Rules of the operator: which domains this server speaks with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add ``peer_rule``."""
    op.create_table(
        "peer_rule",
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("allowed", sa.Boolean, nullable=False),
    )
