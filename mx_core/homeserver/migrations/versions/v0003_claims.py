"""Several processes send from one queue: which rows one of them has in hand, and until when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add ``outgoing.claimed_until``; a program that does not know it goes on as before."""
    op.add_column("outgoing", sa.Column("claimed_until", sa.Float))
    if op.get_bind().dialect.name != "postgresql":
        return
    # ciphertext does not become smaller: nothing is gained by trying
    for table in ("delivery", "outgoing"):
        for column in ("envelope", "body"):
            op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")
    # a claim changes a row in its place: no index names it, and its page has room for it
    op.execute("ALTER TABLE outgoing SET (fillfactor = 50)")
