"""The first schema.  A migration is never edited once released: the next one changes it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

WHOLE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make every table of ``mx_core/homeserver/schema.py``."""
    op.create_table(
        "mailbox",
        sa.Column("mailbox_id", WHOLE, primary_key=True),
        sa.Column("address", sa.Text, nullable=False, unique=True),
        sa.Column("pid", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("registered", WHOLE, nullable=False),
        sa.Column("next_sequence", WHOLE, nullable=False),
        sa.Column("held_octets", WHOLE, nullable=False),
    )
    op.create_table(
        "entry",
        sa.Column("mailbox_id", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("seq", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("octets", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "device",
        sa.Column("mailbox_id", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("device_id", sa.LargeBinary, primary_key=True),
        sa.Column("sign_pk", sa.LargeBinary, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("synced", WHOLE, nullable=False),
    )
    op.create_table(
        "epoch",
        sa.Column("mailbox_id", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("device_id", sa.LargeBinary, primary_key=True),
        sa.Column("n", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("octets", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "attestation",
        sa.Column("mailbox_id", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("seq", WHOLE, nullable=False),
        sa.Column("domain_pk", sa.LargeBinary, nullable=False),
        sa.Column("issued", WHOLE, nullable=False),
        sa.Column("octets", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "invite",
        sa.Column("code_hash", sa.LargeBinary, primary_key=True),
        sa.Column("local", sa.Text),
        sa.Column("expires", WHOLE, nullable=False),
        sa.Column("used", WHOLE),
    )
    op.create_table(
        "delivery",
        sa.Column("mailbox_id", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("sequence", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("env_id", sa.LargeBinary, nullable=False),
        sa.Column("octets", WHOLE, nullable=False),
        sa.Column("peer_domain", sa.Text),
        sa.Column("envelope", sa.LargeBinary),
        sa.Column("body", sa.LargeBinary),
        sa.Column("blob_id", sa.LargeBinary),
        sa.Column("blob_size", WHOLE),
        sa.Column("deliver_by", WHOLE),
        sa.Column("token", sa.LargeBinary),
        sa.Column("device_id", sa.LargeBinary),
        sa.Column("relayed", sa.Boolean),
        sa.Column("status", sa.Text),
        sa.Column("reason", sa.Text),
    )
    op.create_table(
        "ack",
        sa.Column("mailbox_id", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("sequence", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("device_id", sa.LargeBinary, primary_key=True),
    )
    op.create_table(
        "seen",
        sa.Column("mailbox_id", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("env_id", sa.LargeBinary, primary_key=True),
        sa.Column("until", WHOLE, nullable=False),
    )
    op.create_table(
        "submitted",
        sa.Column("mailbox_id", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("env_id", sa.LargeBinary, primary_key=True),
        sa.Column("device_id", sa.LargeBinary, nullable=False),
        sa.Column("until", WHOLE, nullable=False),
    )
    op.create_table(
        "outgoing",
        sa.Column("mailbox_id", WHOLE, primary_key=True, autoincrement=False),
        sa.Column("env_id", sa.LargeBinary, primary_key=True),
        sa.Column("device_id", sa.LargeBinary, nullable=False),
        sa.Column("destination", sa.Text, nullable=False),
        sa.Column("route", sa.LargeBinary, nullable=False),
        sa.Column("envelope", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary),
        sa.Column("blob_id", sa.LargeBinary),
        sa.Column("blob_size", WHOLE),
        sa.Column("token", sa.LargeBinary),
        sa.Column("deliver_by", WHOLE, nullable=False),
        sa.Column("submitted", WHOLE, nullable=False),
        sa.Column("attempts", WHOLE, nullable=False),
        sa.Column("next_at", sa.Float, nullable=False),
    )
    op.create_table(
        "blob",
        sa.Column("blob_id", sa.LargeBinary, primary_key=True),
        sa.Column("size", WHOLE, nullable=False),
        sa.Column("uses", WHOLE, nullable=False),
        sa.Column("touched", WHOLE, nullable=False),
    )
    op.create_table(
        "known_domain",
        sa.Column("domain", sa.Text, primary_key=True),
        sa.Column("octets", sa.LargeBinary, nullable=False),
    )
    op.create_index("seen_until", "seen", ["until"])
    op.create_index("submitted_until", "submitted", ["until"])
    op.create_index("outgoing_due", "outgoing", ["destination", "next_at"])
