"""The first schema.  A migration is never edited once released: the next one changes it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table of ``mx_core/homeserver/schema.py``."""
    op.create_table(
        "mailbox",
        sa.Column("mailbox_id", sa.Integer, primary_key=True),
        sa.Column("address", sa.Text, nullable=False, unique=True),
        sa.Column("pid", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("registered", sa.Integer, nullable=False),
        sa.Column("next_sequence", sa.Integer, nullable=False),
        sa.Column("held_octets", sa.Integer, nullable=False),
    )
    op.create_table(
        "entry",
        sa.Column("mailbox_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("octets", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "device",
        sa.Column("mailbox_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("device_id", sa.LargeBinary, primary_key=True),
        sa.Column("sign_pk", sa.LargeBinary, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("synced", sa.Integer, nullable=False),
    )
    op.create_table(
        "epoch",
        sa.Column("mailbox_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("device_id", sa.LargeBinary, primary_key=True),
        sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("octets", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "attestation",
        sa.Column("mailbox_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("domain_pk", sa.LargeBinary, nullable=False),
        sa.Column("issued", sa.Integer, nullable=False),
        sa.Column("octets", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "invite",
        sa.Column("code_hash", sa.LargeBinary, primary_key=True),
        sa.Column("local", sa.Text),
        sa.Column("expires", sa.Integer, nullable=False),
        sa.Column("used", sa.Integer),
    )
    op.create_table(
        "delivery",
        sa.Column("mailbox_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("env_id", sa.LargeBinary, nullable=False),
        sa.Column("octets", sa.Integer, nullable=False),
        sa.Column("peer_domain", sa.Text),
        sa.Column("envelope", sa.LargeBinary),
        sa.Column("body", sa.LargeBinary),
        sa.Column("blob_id", sa.LargeBinary),
        sa.Column("blob_size", sa.Integer),
        sa.Column("deliver_by", sa.Integer),
        sa.Column("token", sa.LargeBinary),
        sa.Column("device_id", sa.LargeBinary),
        sa.Column("relayed", sa.Boolean),
        sa.Column("status", sa.Text),
        sa.Column("reason", sa.Text),
    )
    op.create_table(
        "ack",
        sa.Column("mailbox_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("device_id", sa.LargeBinary, primary_key=True),
    )
    op.create_table(
        "seen",
        sa.Column("mailbox_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("env_id", sa.LargeBinary, primary_key=True),
        sa.Column("until", sa.Integer, nullable=False),
    )
    op.create_table(
        "submitted",
        sa.Column("mailbox_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("env_id", sa.LargeBinary, primary_key=True),
        sa.Column("device_id", sa.LargeBinary, nullable=False),
        sa.Column("until", sa.Integer, nullable=False),
    )
    op.create_table(
        "outgoing",
        sa.Column("mailbox_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("env_id", sa.LargeBinary, primary_key=True),
        sa.Column("device_id", sa.LargeBinary, nullable=False),
        sa.Column("destination", sa.Text, nullable=False),
        sa.Column("route", sa.LargeBinary, nullable=False),
        sa.Column("envelope", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary),
        sa.Column("blob_id", sa.LargeBinary),
        sa.Column("blob_size", sa.Integer),
        sa.Column("token", sa.LargeBinary),
        sa.Column("deliver_by", sa.Integer, nullable=False),
        sa.Column("submitted", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.Float, nullable=False),
    )
    op.create_table(
        "blob",
        sa.Column("blob_id", sa.LargeBinary, primary_key=True),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("uses", sa.Integer, nullable=False),
        sa.Column("touched", sa.Integer, nullable=False),
    )
    op.create_table(
        "known_domain",
        sa.Column("domain", sa.Text, primary_key=True),
        sa.Column("octets", sa.LargeBinary, nullable=False),
    )
    op.create_index("seen_until", "seen", ["until"])
    op.create_index("submitted_until", "submitted", ["until"])
    op.create_index("outgoing_due", "outgoing", ["destination", "next_at"])
