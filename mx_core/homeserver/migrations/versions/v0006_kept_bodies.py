"""Bodies of first messages stay with the sender's server until they are accepted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_WHOLE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add what says so at each end; a program that does not know it goes on."""
    op.create_table(
        "kept",
        sa.Column("mailbox_id", _WHOLE, primary_key=True, autoincrement=False),
        sa.Column("env_id", sa.LargeBinary, primary_key=True),
        sa.Column("destination", sa.Text, nullable=False),
        sa.Column("body_id", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary),
        sa.Column("size", _WHOLE, nullable=False),
        sa.Column("until", _WHOLE, nullable=False),
    )
    op.create_index("kept_until", "kept", ["until"])
    op.create_index("kept_body", "kept", ["destination", "body_id"])
    op.add_column("delivery", sa.Column("body_stays", sa.Boolean))
