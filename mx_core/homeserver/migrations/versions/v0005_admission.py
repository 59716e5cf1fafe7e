"""Who is let in: tags of the week, what a profile says of strangers, postage on its way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_WHOLE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add them; no passport has a profile yet, and a program that does not know them goes on."""
    op.create_table(
        "tag",
        sa.Column("mailbox_id", _WHOLE, primary_key=True, autoincrement=False),
        sa.Column("tag", sa.LargeBinary, primary_key=True),
    )
    for column in (
        sa.Column("closed", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("postage_bits", _WHOLE, nullable=False, server_default="20"),
        sa.Column("tags_until", _WHOLE, nullable=False, server_default="0"),
    ):
        op.add_column("mailbox", column)
    op.add_column("delivery", sa.Column("postage_bits", _WHOLE))
    op.add_column("outgoing", sa.Column("postage", sa.LargeBinary))
