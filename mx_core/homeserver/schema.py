"""The tables of a home server, as the newest migration leaves them.

``mailbox_id`` leads every key of a person's rows and no query joins two mailboxes, so that the
rows can be spread over machines.  Everything here is ciphertext, public keys or signed public
statements; an address is the only thing a person would know again.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

METADATA: Final = sa.MetaData()
# SQLite's whole numbers have 64 bits; PostgreSQL's INTEGER has 32, too few for dates and octets.
WHOLE: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _mailbox() -> sa.Column[int]:
    return sa.Column("mailbox_id", WHOLE, primary_key=True, autoincrement=False)


MAILBOX: Final = sa.Table(
    "mailbox",
    METADATA,
    sa.Column("mailbox_id", WHOLE, primary_key=True),
    sa.Column("address", sa.Text, nullable=False, unique=True),  # canonical, identity §1
    sa.Column("pid", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("registered", WHOLE, nullable=False),
    sa.Column("next_sequence", WHOLE, nullable=False),  # of deliveries; never reused
    sa.Column("held_octets", WHOLE, nullable=False),  # of deliveries, kept in step with them
    # what the newest profile says (identity §2), for a look-up that reads no passport:
    sa.Column("closed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("postage_bits", WHOLE, nullable=False, server_default="20"),
    sa.Column("tags_until", WHOLE, nullable=False, server_default="0"),  # 0: never given
    # ordinary mail for the address is taken at the domain's door: its owner said so
    sa.Column("door", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("moved", WHOLE, nullable=False, server_default="0"),  # away, when; 0: lives here
)
TAG: Final = sa.Table(  # of the week, of everybody whose mail is let in; spec/admission
    "tag",
    METADATA,
    _mailbox(),
    sa.Column("tag", sa.LargeBinary, primary_key=True),
)
ENTRY: Final = sa.Table(  # SignedEntry octets as received, identity §2
    "entry",
    METADATA,
    _mailbox(),
    sa.Column("seq", WHOLE, primary_key=True, autoincrement=False),
    sa.Column("octets", sa.LargeBinary, nullable=False),
)
DEVICE: Final = sa.Table(
    "device",
    METADATA,
    _mailbox(),
    sa.Column("device_id", sa.LargeBinary, primary_key=True),
    sa.Column("sign_pk", sa.LargeBinary, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("synced", WHOLE, nullable=False),  # when it was added or last collected
)
EPOCH: Final = sa.Table(  # SignedEpoch octets as received, identity §3
    "epoch",
    METADATA,
    _mailbox(),
    sa.Column("device_id", sa.LargeBinary, primary_key=True),
    sa.Column("n", WHOLE, primary_key=True, autoincrement=False),
    sa.Column("octets", sa.LargeBinary, nullable=False),
)
COLLECT_TOKEN: Final = sa.Table(  # what a locked device shows
    "collect_token",
    METADATA,
    _mailbox(),
    sa.Column("device_id", sa.LargeBinary, primary_key=True),
    sa.Column("token_hash", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("expires", WHOLE, nullable=False),
)
MEETING: Final = sa.Table(  # of two devices, spec/link; found by its id: who answers is nobody yet
    "meeting",
    METADATA,
    sa.Column("rendezvous", sa.LargeBinary, primary_key=True),
    sa.Column("side", sa.Integer, primary_key=True, autoincrement=False),  # 0: it is open
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("mailbox_id", WHOLE, nullable=False),  # of the device that opened it
    sa.Column("octets", sa.LargeBinary, nullable=False),
    sa.Column("expires", WHOLE, nullable=False),
)
ATTESTATION: Final = sa.Table(  # the newest one; derived, may be deleted at any time
    "attestation",
    METADATA,
    _mailbox(),
    sa.Column("seq", WHOLE, nullable=False),
    sa.Column("domain_pk", sa.LargeBinary, nullable=False),
    sa.Column("issued", WHOLE, nullable=False),
    sa.Column("octets", sa.LargeBinary, nullable=False),
)
INVITE: Final = sa.Table(
    "invite",
    METADATA,
    sa.Column("code_hash", sa.LargeBinary, primary_key=True),
    sa.Column("local", sa.Text),  # the one name it is good for, or any
    sa.Column("expires", WHOLE, nullable=False),
    sa.Column("used", WHOLE),
)
DELIVERY: Final = sa.Table(  # what waits for a person's devices
    "delivery",
    METADATA,
    _mailbox(),
    sa.Column("sequence", WHOLE, primary_key=True, autoincrement=False),
    sa.Column("env_id", sa.LargeBinary, nullable=False),
    sa.Column("octets", WHOLE, nullable=False),
    # an envelope:
    sa.Column("peer_domain", sa.Text),
    sa.Column("envelope", sa.LargeBinary),
    sa.Column("body", sa.LargeBinary),  # up to 64 KiB, else the blob
    sa.Column("blob_id", sa.LargeBinary),
    sa.Column("blob_size", WHOLE),
    sa.Column("deliver_by", WHOLE),
    sa.Column("token", sa.LargeBinary),
    # or a notice to the one device that submitted:
    sa.Column("device_id", sa.LargeBinary),
    sa.Column("relayed", sa.Boolean),
    sa.Column("status", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("postage_bits", WHOLE),  # asked for; none: NULL or 0
    sa.Column("body_stays", sa.Boolean),  # at the peer's server: the blob named is not here
    sa.Column("unreadable", sa.LargeBinary),  # a device of the reader says that it can not open it
)
KEPT: Final = sa.Table(  # bodies that strangers of other domains may fetch once they accept
    "kept",
    METADATA,
    _mailbox(),
    sa.Column("env_id", sa.LargeBinary, primary_key=True),
    sa.Column("destination", sa.Text, nullable=False),
    sa.Column("body_id", sa.LargeBinary, nullable=False),  # BLAKE2b-256 of the octets
    sa.Column("body", sa.LargeBinary),  # up to 64 KiB, else the blob of that id
    sa.Column("size", WHOLE, nullable=False),
    sa.Column("until", WHOLE, nullable=False),
    sa.Index("kept_until", "until"),
    sa.Index("kept_body", "destination", "body_id"),
)
ACK: Final = sa.Table(
    "ack",
    METADATA,
    _mailbox(),
    sa.Column("sequence", WHOLE, primary_key=True, autoincrement=False),
    sa.Column("device_id", sa.LargeBinary, primary_key=True),
)
SEEN: Final = sa.Table(  # envelopes accepted, kept a day past deliver_by: the dedup of arrival
    "seen",
    METADATA,
    _mailbox(),
    sa.Column("env_id", sa.LargeBinary, primary_key=True),
    sa.Column("until", WHOLE, nullable=False),
    sa.Index("seen_until", "until"),
)
SUBMITTED: Final = sa.Table(  # env_id to submitter, kept 30 days: the dedup of submission
    "submitted",
    METADATA,
    _mailbox(),
    sa.Column("env_id", sa.LargeBinary, primary_key=True),
    sa.Column("device_id", sa.LargeBinary, nullable=False),
    sa.Column("until", WHOLE, nullable=False),
    sa.Column("destination", sa.Text),  # the domain that it went to, which alone may say:
    sa.Column("unreadable", sa.Boolean, nullable=False, server_default=sa.false()),  # and did
    sa.Index("submitted_until", "until"),
    sa.Index("submitted_env", "env_id"),
)
OUTGOING: Final = sa.Table(  # what must still leave
    "outgoing",
    METADATA,
    _mailbox(),
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
    sa.Column("claimed_until", sa.Float),  # by one of several processes, while it sends
    sa.Column("postage", sa.LargeBinary),
    sa.Index("outgoing_due", "destination", "next_at"),
)
BLOB: Final = sa.Table(  # a large body, known by the hash of its octets; durable before the row is
    "blob",
    METADATA,
    sa.Column("blob_id", sa.LargeBinary, primary_key=True),
    sa.Column("size", WHOLE, nullable=False),
    sa.Column("uses", WHOLE, nullable=False),  # rows of delivery and outgoing that name it
    sa.Column("touched", WHOLE, nullable=False),
    sa.Column("place", sa.Text),  # where in the depot; NULL: under the hash alone, as once all were
)
KNOWN_DOMAIN: Final = sa.Table(  # the keys that other domains had before: a change must be proved
    "known_domain",
    METADATA,
    sa.Column("domain", sa.Text, primary_key=True),
    sa.Column("octets", sa.LargeBinary, nullable=False),
)
PEER_RULE: Final = sa.Table(  # of the operator: which domains this server speaks with
    "peer_rule",
    METADATA,
    sa.Column("subject", sa.Text, primary_key=True),  # a domain and all beneath it, or *
    sa.Column("allowed", sa.Boolean, nullable=False),
)
LOG_WAITING: Final = sa.Table(  # Bindings that are ours and not yet in the log, oldest first
    "log_waiting",
    METADATA,
    sa.Column("number", WHOLE, primary_key=True),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("binding", sa.LargeBinary, nullable=False),
)
LOG_LEAF: Final = sa.Table(  # the log itself, spec/transparency §3; never changed, never deleted
    "log_leaf",
    METADATA,
    sa.Column("leaf_index", WHOLE, primary_key=True, autoincrement=False),
    sa.Column("octets", sa.LargeBinary, nullable=False),
)
LOG_NAME: Final = sa.Table(  # what stands for an address, and the proof of it, made once
    "log_name",
    METADATA,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("label", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("vrf_proof", sa.LargeBinary, nullable=False),
)
LOG_RECORD: Final = sa.Table(  # what a leaf hides, and what opens it
    "log_record",
    METADATA,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("version", WHOLE, primary_key=True, autoincrement=False),
    sa.Column("leaf_index", WHOLE, nullable=False),
    sa.Column("opening", sa.LargeBinary, nullable=False),
    sa.Column("binding", sa.LargeBinary, nullable=False),
)
WITNESSED: Final = sa.Table(  # the newest tree of another log that this server has cosigned
    "witnessed",
    METADATA,
    sa.Column("origin", sa.Text, primary_key=True),
    sa.Column("size", WHOLE, nullable=False),
    sa.Column("root", sa.LargeBinary, nullable=False),
    sa.Column("note", sa.LargeBinary, nullable=False),
)
