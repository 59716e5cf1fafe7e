"""Who takes ordinary mail at the door of the domain: nobody, until they say so."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the column; a program that does not know it goes on."""
    op.add_column(
        "mailbox", sa.Column("door", sa.Boolean, nullable=False, server_default=sa.false())
    )
