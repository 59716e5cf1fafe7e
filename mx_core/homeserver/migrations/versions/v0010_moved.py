"""When the person of a mailbox moved to another domain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_WHOLE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add it; until now nobody could move."""
    op.add_column("mailbox", sa.Column("moved", _WHOLE, nullable=False, server_default="0"))
