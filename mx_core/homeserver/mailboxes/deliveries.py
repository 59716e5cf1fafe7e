"""Rows that wait for a person's devices: envelopes and notices of fate.  Jobs for ``Database``.

``appending.py`` makes them; here they are read, acked and deleted.  Invariant: ``held_octets``
and the use counts of blobs change in the transaction that changes the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from msgspec import Struct

from mx_core.db.bulk import insert_new, twofold
from mx_core.homeserver.mailboxes.holding import hold
from mx_core.homeserver.mailboxes.retention import may_delete
from mx_core.homeserver.people import accounts
from mx_core.homeserver.schema import ACK, DELIVERY, MAILBOX, SEEN
from mx_core.homeserver.storage.bodies import Body, release

# What is built once: building a statement costs more than running it.
_MAILBOX: Final[sa.BindParameter[int]] = sa.bindparam("mailbox")
_DEVICE: Final[sa.BindParameter[bytes]] = sa.bindparam("device")
_WAITING: Final = (
    sa.select(DELIVERY)
    .where(
        DELIVERY.c.mailbox_id == _MAILBOX,
        DELIVERY.c.sequence > sa.bindparam("after"),
        sa.or_(DELIVERY.c.device_id.is_(None), DELIVERY.c.device_id == _DEVICE),
        ~sa.exists().where(
            ACK.c.mailbox_id == _MAILBOX,
            ACK.c.sequence == DELIVERY.c.sequence,
            ACK.c.device_id == _DEVICE,
        ),
    )
    .order_by(DELIVERY.c.sequence)
    .limit(sa.bindparam("most"))
)
_KINDS: Final = twofold(
    lambda among: sa.select(DELIVERY.c.sequence, DELIVERY.c.device_id).where(
        DELIVERY.c.mailbox_id == _MAILBOX, among(DELIVERY.c.sequence, "sequences")
    )
)
_ACKED: Final = twofold(
    lambda among: sa.select(ACK.c.sequence, ACK.c.device_id).where(
        ACK.c.mailbox_id == _MAILBOX, among(ACK.c.sequence, "sequences")
    )
)
_DELETE: Final = twofold(
    lambda among: (
        DELIVERY.delete()
        .where(DELIVERY.c.mailbox_id == _MAILBOX, among(DELIVERY.c.sequence, "sequences"))
        .returning(DELIVERY.c.octets, DELIVERY.c.blob_id, DELIVERY.c.body_stays)
    )
)
_FORGET_ACKS: Final = twofold(
    lambda among: ACK.delete().where(
        ACK.c.mailbox_id == _MAILBOX, among(ACK.c.sequence, "sequences")
    )
)
_HOLD_LESS: Final = (
    MAILBOX.update()
    .where(MAILBOX.c.mailbox_id == _MAILBOX)
    .values(held_octets=MAILBOX.c.held_octets - sa.bindparam("gone"))
)


class Envelope(Struct, frozen=True):
    """What arrived for a mailbox, judged acceptable."""

    env_id: bytes
    peer_domain: str
    envelope: bytes
    body: Body
    deliver_by: int
    token: bytes
    body_stays: bool = False  # at the peer's server; the body here is a name

    @property
    def octets(self) -> int:
        """Return what the row weighs here."""
        return len(self.envelope) + (0 if self.body_stays else self.body.size)


class Notice(Struct, frozen=True):
    """What became of something that one device submitted."""

    device_id: bytes
    env_id: bytes
    relayed: bool
    status: str
    reason: str
    postage_bits: int = 0  # asked for
    unreadable: bytes = b""  # a device of the reader says so; neither relayed nor failed


class Waiting(Struct, frozen=True):
    """One row on its way to a device."""

    sequence: int
    what: Envelope | Notice


def waiting(
    tx: sa.Connection, mailbox_id: int, device_id: bytes, after: int, limit: int
) -> list[Waiting]:
    """Return, in order, what *device_id* has not acked beyond sequence *after*."""
    asked = {"mailbox": mailbox_id, "device": device_id, "after": after, "most": limit}
    return [_waiting(row) for row in tx.execute(_WAITING, asked)]


def acknowledge(
    tx: sa.Connection, mailbox_id: int, device_id: bytes, sequences: Sequence[int], now: int
) -> int:
    """Record that the device holds these; return how many rows no device needs any more.

    Crash before the commit: the device is given them again, and knows them.
    """
    hold(tx, [mailbox_id])
    accounts.touch_device(tx, mailbox_id, device_id, now)
    rows = _KINDS.rows(tx, {"mailbox": mailbox_id, "sequences": sequences})
    notices = [row[0] for row in rows if row[1] == device_id]
    envelopes = [row[0] for row in rows if row[1] is None]
    if envelopes:
        acks = [
            {"mailbox_id": mailbox_id, "sequence": sequence, "device_id": device_id}
            for sequence in envelopes
        ]
        insert_new(tx, ACK, acks, ("sequence",))
    return _delete(tx, mailbox_id, [*notices, *_settled(tx, mailbox_id, envelopes, now)], now)


def partly_acked(tx: sa.Connection) -> list[int]:
    """Return the mailboxes in which something was acked and is still kept for another device."""
    return list(tx.execute(sa.select(ACK.c.mailbox_id).distinct()).scalars())


def settle(tx: sa.Connection, mailbox_id: int, now: int) -> int:
    """Delete what no active device needs any more; for after a removal, and from time to time."""
    hold(tx, [mailbox_id])
    partly = tx.execute(
        sa.select(ACK.c.sequence).where(ACK.c.mailbox_id == mailbox_id).distinct()
    ).scalars()
    return _delete(tx, mailbox_id, _settled(tx, mailbox_id, list(partly), now), now)


def forget_device(tx: sa.Connection, mailbox_id: int, device_id: bytes, now: int) -> None:
    """Drop what waited for a device that is no longer active; its acks count for nothing."""
    hold(tx, [mailbox_id])
    tx.execute(ACK.delete().where(ACK.c.mailbox_id == mailbox_id, ACK.c.device_id == device_id))
    notices = tx.execute(
        sa.select(DELIVERY.c.sequence).where(
            DELIVERY.c.mailbox_id == mailbox_id, DELIVERY.c.device_id == device_id
        )
    ).scalars()
    _delete(tx, mailbox_id, list(notices), now)
    settle(tx, mailbox_id, now)


def holds_blob(tx: sa.Connection, mailbox_id: int, blob_id: bytes) -> int | None:
    """Return the size of a blob that waits for this mailbox; other people's are nobody's business."""
    return tx.execute(
        sa.select(DELIVERY.c.blob_size)
        .where(
            DELIVERY.c.mailbox_id == mailbox_id,
            DELIVERY.c.blob_id == blob_id,
            DELIVERY.c.body_stays.is_not(True),
        )
        .limit(1)
    ).scalar_one_or_none()


def forget_tombstones(tx: sa.Connection, now: int) -> int:
    """Forget envelopes that would be refused by their date anyway."""
    return tx.execute(SEEN.delete().where(SEEN.c.until < now)).rowcount


def _settled(tx: sa.Connection, mailbox_id: int, sequences: Sequence[int], now: int) -> list[int]:
    if not sequences:
        return []
    active = accounts.active_devices(tx, mailbox_id)
    acked: dict[int, set[bytes]] = {sequence: set() for sequence in sequences}
    for sequence, device_id in _ACKED.rows(tx, {"mailbox": mailbox_id, "sequences": sequences}):
        acked[sequence].add(device_id)
    return [sequence for sequence, by in acked.items() if may_delete(by, active, now)]


def _delete(tx: sa.Connection, mailbox_id: int, sequences: Sequence[int], now: int) -> int:
    if not sequences:
        return 0
    these = {"mailbox": mailbox_id, "sequences": sequences}
    gone = _DELETE.rows(tx, these)
    _FORGET_ACKS.rows(tx, these)
    for _, blob_id, body_stays in gone:
        if blob_id is not None and not body_stays:
            release(tx, blob_id, now)
    less = sum(octets for octets, _, _ in gone)
    tx.execute(_HOLD_LESS, {"mailbox": mailbox_id, "gone": less})
    return len(gone)


def _waiting(row: sa.Row[tuple[object, ...]]) -> Waiting:
    columns = row._mapping  # noqa: SLF001  # the public name of SQLAlchemy for a row's columns
    if columns["device_id"] is not None:
        return Waiting(
            columns["sequence"],
            Notice(
                columns["device_id"],
                columns["env_id"],
                columns["relayed"],
                columns["status"],
                columns["reason"],
                columns["postage_bits"] or 0,
                columns["unreadable"] or b"",
            ),
        )
    return Waiting(
        columns["sequence"],
        Envelope(
            columns["env_id"],
            columns["peer_domain"],
            columns["envelope"],
            Body.stored(columns["body"], columns["blob_id"], columns["blob_size"]),
            columns["deliver_by"],
            columns["token"] or b"",
            bool(columns["body_stays"]),
        ),
    )
