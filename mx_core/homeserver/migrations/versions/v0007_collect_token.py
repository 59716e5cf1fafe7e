"""Tokens by which a device whose person is away may collect, and nothing else."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_WHOLE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "collect_token",
        sa.Column("mailbox_id", _WHOLE, primary_key=True, autoincrement=False),
        sa.Column("device_id", sa.LargeBinary, primary_key=True),
        sa.Column("token_hash", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("expires", _WHOLE, nullable=False),
    )
