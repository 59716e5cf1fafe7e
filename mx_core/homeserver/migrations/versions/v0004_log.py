"""The domain's log, and what this server has witnessed of others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_WHOLE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the tables of the log; what was registered before is logged at the next start."""
    op.create_table(
        "log_waiting",
        sa.Column("number", _WHOLE, primary_key=True),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("binding", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "log_leaf",
        sa.Column("leaf_index", _WHOLE, primary_key=True, autoincrement=False),
        sa.Column("octets", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "log_name",
        sa.Column("address", sa.Text, primary_key=True),
        sa.Column("label", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("vrf_proof", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "log_record",
        sa.Column("address", sa.Text, primary_key=True),
        sa.Column("version", _WHOLE, primary_key=True, autoincrement=False),
        sa.Column("leaf_index", _WHOLE, nullable=False),
        sa.Column("opening", sa.LargeBinary, nullable=False),
        sa.Column("binding", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "witnessed",
        sa.Column("origin", sa.Text, primary_key=True),
        sa.Column("size", _WHOLE, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.Column("note", sa.LargeBinary, nullable=False),
    )
