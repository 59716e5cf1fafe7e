"""Several processes send from one queue: which rows one of them has in hand, and until when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add ``outgoing.claimed_until``; a program that does not know it goes on as before."""
    op.add_column("outgoing", sa.Column("claimed_until", sa.Float))
    op.create_index(
        "outgoing_claimed",
        "outgoing",
        ["destination", "claimed_until"],
        postgresql_where=sa.text("claimed_until IS NOT NULL"),
        sqlite_where=sa.text("claimed_until IS NOT NULL"),
    )
