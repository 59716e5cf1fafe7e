"""Where a new device and one that is there meet, for ten minutes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_WHOLE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "meeting",
        sa.Column("rendezvous", sa.LargeBinary, primary_key=True),
        sa.Column("side", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("mailbox_id", _WHOLE, nullable=False),
        sa.Column("octets", sa.LargeBinary, nullable=False),
        sa.Column("expires", _WHOLE, nullable=False),
    )
