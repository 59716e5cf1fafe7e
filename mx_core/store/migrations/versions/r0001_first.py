"""Everything an account holds: mail, journal, outbox, contacts, own keys.

Immutable octets and mutable state never share a row: ``body``, ``form`` and ``message`` are
written once; what changes (uid, modseq, flags) is packed into ``segment``.  Row ids that a
session or the journal may remember are AUTOINCREMENT, so they are never used twice.
"""

from alembic import op

revision = "0001"
down_revision = None

_MAIL = (
    # One row.  modseq: RFC 7162 §3.1, one counter for the account.  uid_validity: the last one
    # given out.  device_seq, hybrid: of the newest journal row of this device.
    """CREATE TABLE clock (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        device BLOB NOT NULL,
        modseq INTEGER NOT NULL,
        uid_validity INTEGER NOT NULL,
        device_seq INTEGER NOT NULL,
        hybrid INTEGER NOT NULL
    )""",
    # The numbers are kept with each change, so that STATUS and SELECT never count.
    """CREATE TABLE mailbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        global_id BLOB NOT NULL UNIQUE,
        special_use TEXT NOT NULL,
        uid_validity INTEGER NOT NULL UNIQUE,
        uid_next INTEGER NOT NULL,
        highest_modseq INTEGER NOT NULL,
        first_recent INTEGER NOT NULL,
        messages INTEGER NOT NULL,
        unseen INTEGER NOT NULL,
        deleted INTEGER NOT NULL,
        recent INTEGER NOT NULL,
        size INTEGER NOT NULL
    )""",
    "CREATE TABLE subscription (name TEXT PRIMARY KEY) WITHOUT ROWID",
    # Octets inline up to 64 KiB, else in the sealed file named by 16 random octets.
    """CREATE TABLE body (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        size INTEGER NOT NULL,
        octets BLOB,
        file BLOB UNIQUE,
        key BLOB,
        CHECK ((octets IS NULL) = (file IS NOT NULL AND key IS NOT NULL))
    )""",
    # uses: places in mailboxes; 0 means expunged, and then it stands in ``expunged``.
    """CREATE TABLE message (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        global_id BLOB NOT NULL,
        body INTEGER NOT NULL,
        size INTEGER NOT NULL,
        internal_date INTEGER NOT NULL,
        uses INTEGER NOT NULL
    )""",
    """CREATE TABLE form (
        message INTEGER PRIMARY KEY,
        size INTEGER NOT NULL,
        header_end INTEGER NOT NULL,
        fields BLOB NOT NULL,
        envelope BLOB NOT NULL,
        bodystructure BLOB NOT NULL,
        body BLOB NOT NULL,
        parts BLOB NOT NULL,
        sent INTEGER,
        message_id BLOB NOT NULL,
        base_subject TEXT NOT NULL
    )""",
    # Columns of up to 512 places in UID order.  A place belongs to the segment with the
    # greatest first_uid not above its UID.  There is no index on modseq: max_modseq tells
    # which segments a resynchronisation can leave out.
    """CREATE TABLE segment (
        id INTEGER PRIMARY KEY,
        mailbox INTEGER NOT NULL,
        first_uid INTEGER NOT NULL,
        entries INTEGER NOT NULL,
        max_modseq INTEGER NOT NULL,
        uids BLOB NOT NULL,
        modseqs BLOB NOT NULL,
        flag_sets BLOB NOT NULL,
        messages BLOB NOT NULL
    )""",
    "CREATE UNIQUE INDEX segment_place ON segment (mailbox, first_uid)",
    "CREATE TABLE flag_set (id INTEGER PRIMARY KEY AUTOINCREMENT, flags TEXT NOT NULL UNIQUE)",
    "CREATE TABLE keyword (folded TEXT PRIMARY KEY, spelling TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE tombstone (
        mailbox INTEGER NOT NULL,
        modseq INTEGER NOT NULL,
        uids BLOB NOT NULL,
        PRIMARY KEY (mailbox, modseq)
    ) WITHOUT ROWID""",
    "CREATE TABLE expunged (message INTEGER PRIMARY KEY, at INTEGER NOT NULL)",
    # spec/journal §2
    """CREATE TABLE journal (
        device BLOB NOT NULL,
        device_seq INTEGER NOT NULL,
        hybrid INTEGER NOT NULL,
        change BLOB NOT NULL,
        op INTEGER NOT NULL,
        mailbox BLOB NOT NULL,
        ids BLOB NOT NULL,
        PRIMARY KEY (device, device_seq)
    ) WITHOUT ROWID""",
)

_SENDING = (
    """CREATE TABLE outbox (
        queue_id TEXT PRIMARY KEY,
        sender TEXT NOT NULL,
        created INTEGER NOT NULL,
        size INTEGER NOT NULL,
        body INTEGER
    ) WITHOUT ROWID""",
    """CREATE TABLE outbox_recipient (
        queue_id TEXT NOT NULL,
        place INTEGER NOT NULL,
        recipient TEXT NOT NULL,
        hidden INTEGER NOT NULL,
        msg_id BLOB NOT NULL UNIQUE,
        policy TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('queued', 'sealed', 'sent', 'relayed', 'failed', 'held')),
        attempts INTEGER NOT NULL,
        next_at INTEGER NOT NULL,
        reason TEXT NOT NULL,
        status TEXT NOT NULL,
        PRIMARY KEY (queue_id, recipient)
    ) WITHOUT ROWID""",
    "CREATE INDEX outbox_due ON outbox_recipient (next_at) WHERE state IN ('queued', 'sealed')",
    """CREATE TABLE parcel (
        queue_id TEXT NOT NULL,
        recipient TEXT NOT NULL,
        env_id BLOB NOT NULL,
        envelope BLOB NOT NULL,
        digest BLOB NOT NULL,
        deliver_by INTEGER NOT NULL,
        PRIMARY KEY (queue_id, recipient)
    ) WITHOUT ROWID""",
    # Outlives the parcel: what the network says later is found by env_id.
    """CREATE TABLE handed_over (
        env_id BLOB PRIMARY KEY,
        queue_id TEXT NOT NULL,
        recipient TEXT NOT NULL
    ) WITHOUT ROWID""",
    # Recipients of one submission share a sealed body.
    """CREATE TABLE sealed_body (
        queue_id TEXT NOT NULL,
        digest BLOB NOT NULL,
        body INTEGER NOT NULL,
        PRIMARY KEY (queue_id, digest)
    ) WITHOUT ROWID""",
)

_PEOPLE = (
    """CREATE TABLE contact (
        address TEXT PRIMARY KEY,
        pin BLOB NOT NULL,
        chain BLOB NOT NULL,
        updated INTEGER NOT NULL
    ) WITHOUT ROWID""",
    "CREATE TABLE own_key (name TEXT PRIMARY KEY, octets BLOB NOT NULL) WITHOUT ROWID",
    """CREATE TABLE own_epoch (
        n INTEGER PRIMARY KEY AUTOINCREMENT,
        private BLOB,
        statement BLOB,
        not_after INTEGER,
        acknowledged INTEGER
    )""",
    "CREATE TABLE own_entry (seq INTEGER PRIMARY KEY, octets BLOB NOT NULL)",
    # Replay memory: kept until the epoch key that opened it is gone (identity §5).
    """CREATE TABLE seen_msg_id (
        msg_id BLOB PRIMARY KEY,
        env_id BLOB NOT NULL,
        epoch INTEGER NOT NULL,
        at INTEGER NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE refused_envelope (
        env_id BLOB PRIMARY KEY,
        at INTEGER NOT NULL,
        peer_domain TEXT NOT NULL,
        failure TEXT NOT NULL
    ) WITHOUT ROWID""",
    # Arrived and not judged yet; acknowledged, so the octets are kept as they came.
    """CREATE TABLE intake (
        env_id BLOB PRIMARY KEY,
        peer_domain TEXT NOT NULL,
        envelope BLOB NOT NULL,
        body INTEGER NOT NULL,
        size INTEGER NOT NULL,
        received INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        next_at INTEGER NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE client_password (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        digest BLOB NOT NULL UNIQUE,
        created INTEGER NOT NULL,
        last_use INTEGER
    )""",
    "CREATE TABLE setting (name TEXT PRIMARY KEY, octets BLOB NOT NULL) WITHOUT ROWID",
    """CREATE TABLE carrier_state (
        carrier TEXT NOT NULL,
        name TEXT NOT NULL,
        octets BLOB NOT NULL,
        PRIMARY KEY (carrier, name)
    ) WITHOUT ROWID""",
)


def upgrade() -> None:
    """Make every table."""
    for statement in (*_MAIL, *_SENDING, *_PEOPLE):
        op.execute(statement)
