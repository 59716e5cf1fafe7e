"""Ordinary addresses for which somebody of the network stands, or is said to."""

from __future__ import annotations

from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Make the table.  state: 0 offered, 1 taken, 2 left alone; message: what offered it."""
    op.execute(
        """CREATE TABLE stand_in (
            id INTEGER PRIMARY KEY,
            ordinary TEXT NOT NULL,
            pid BLOB NOT NULL,
            address TEXT NOT NULL,
            message BLOB NOT NULL,
            state INTEGER NOT NULL,
            at INTEGER NOT NULL,
            UNIQUE (ordinary, pid)
        )"""
    )
