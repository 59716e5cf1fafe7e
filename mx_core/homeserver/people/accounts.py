"""Rows of people: passports, devices, epochs, attestations.  Jobs for ``Database``.

Stores what others have verified, and answers by what is stored; checks no signature itself.
Invariant: the rows of one passport are its verified chain, without gaps from seq 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from mx_core.homeserver.mailboxes.retention import ActiveDevice
from mx_core.homeserver.schema import (
    ATTESTATION,
    DEVICE,
    ENTRY,
    EPOCH,
    MAILBOX,
)
from mx_core.model.errors import BadCredentials, Refused

_EPOCHS_PER_DEVICE: Final = 2  # the present one and at most one ahead, identity §5

# Built once, because they are asked with every call; building one costs more than running it.
_DEVICE_KEY: Final = sa.select(DEVICE.c.sign_pk).where(
    DEVICE.c.mailbox_id == sa.bindparam("mailbox"),
    DEVICE.c.device_id == sa.bindparam("device"),
    DEVICE.c.active,
)
_ACTIVE: Final = sa.select(DEVICE.c.device_id, DEVICE.c.synced).where(
    DEVICE.c.mailbox_id == sa.bindparam("mailbox"), DEVICE.c.active
)
_TOUCH: Final = (
    DEVICE.update()
    .where(
        DEVICE.c.mailbox_id == sa.bindparam("mailbox"),
        DEVICE.c.device_id == sa.bindparam("device"),
    )
    .values(synced=sa.bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class Member:
    """One person of this domain."""

    mailbox_id: int
    address: str
    pid: bytes


@dataclass(frozen=True, slots=True)
class NewDevice:
    """An active device of a verified passport."""

    device_id: bytes
    sign_pk: bytes


@dataclass(frozen=True, slots=True)
class NewEpoch:
    """A verified SignedEpoch."""

    device_id: bytes
    n: int
    octets: bytes


@dataclass(frozen=True, slots=True)
class StoredAttestation:
    """What the domain said of one passport entry."""

    seq: int
    domain_pk: bytes
    issued: int
    octets: bytes


# ── people ───────────────────────────────────────────────────────────────────────────
def by_address(tx: sa.Connection, address: str) -> Member | None:
    """Return who holds the canonical *address*."""
    return _member(tx, MAILBOX.c.address == address)


def by_pid(tx: sa.Connection, pid: bytes) -> Member | None:
    """Return whose passport *pid* names."""
    return _member(tx, MAILBOX.c.pid == pid)


def by_mailbox(tx: sa.Connection, mailbox_id: int) -> Member | None:
    """Return whose mailbox it is."""
    return _member(tx, MAILBOX.c.mailbox_id == mailbox_id)


def members(tx: sa.Connection) -> list[tuple[Member, int, int]]:
    """Return all people with their number of active devices and the octets that wait for them."""
    devices = (
        sa.select(sa.func.count())
        .where(DEVICE.c.mailbox_id == MAILBOX.c.mailbox_id, DEVICE.c.active)
        .scalar_subquery()
    )
    rows = tx.execute(
        sa.select(
            MAILBOX.c.mailbox_id, MAILBOX.c.address, MAILBOX.c.pid, devices, MAILBOX.c.held_octets
        ).order_by(MAILBOX.c.address)
    )
    return [(Member(row[0], row[1], row[2]), row[3], row[4]) for row in rows]


def create(
    tx: sa.Connection,
    address: str,
    pid: bytes,
    *,
    signed_entries: Sequence[bytes],
    devices: Sequence[NewDevice],
    epochs: Sequence[NewEpoch],
    now: int,
) -> Member:
    """Make a mailbox for a verified passport: its genesis, or all of one that moves here.

    Raises:
        Refused: The address, or this passport, is here already.
    """
    if by_address(tx, address) is not None:
        raise Refused(f"{address} is taken")
    if by_pid(tx, pid) is not None:
        raise Refused("this passport is registered here under another address")
    mailbox_id = tx.execute(
        MAILBOX.insert()
        .values(address=address, pid=pid, registered=now, next_sequence=1, held_octets=0)
        .returning(MAILBOX.c.mailbox_id)
    ).scalar_one()
    *earlier, last = signed_entries
    if earlier:
        tx.execute(
            ENTRY.insert(),
            [
                {"mailbox_id": mailbox_id, "seq": seq, "octets": octets}
                for seq, octets in enumerate(earlier)
            ],
        )
    append_entry(tx, mailbox_id, seq=len(earlier), signed_entry=last, active=devices, now=now)
    for epoch in epochs:
        put_epoch(tx, mailbox_id, epoch)
    return Member(mailbox_id, address, pid)


def entries(tx: sa.Connection, mailbox_id: int) -> list[bytes]:
    """Return the signed entries of a passport from genesis on."""
    rows = tx.execute(
        sa.select(ENTRY.c.octets).where(ENTRY.c.mailbox_id == mailbox_id).order_by(ENTRY.c.seq)
    )
    return list(rows.scalars())


def append_entry(
    tx: sa.Connection,
    mailbox_id: int,
    *,
    seq: int,
    signed_entry: bytes,
    active: Sequence[NewDevice],
    now: int,
) -> set[bytes]:
    """Store a verified entry and make *active* the devices; return the ids that are gone.

    The caller has compared the head in this same transaction, so two appends can not both win,
    and forgets what waited for a device that is gone.
    """
    tx.execute(ENTRY.insert().values(mailbox_id=mailbox_id, seq=seq, octets=signed_entry))
    tx.execute(ATTESTATION.delete().where(ATTESTATION.c.mailbox_id == mailbox_id))
    were = {device.device_id for device in active_devices(tx, mailbox_id)}
    for device in active:
        if device.device_id not in were:
            tx.execute(
                DEVICE.insert().values(
                    mailbox_id=mailbox_id,
                    device_id=device.device_id,
                    sign_pk=device.sign_pk,
                    active=True,
                    synced=now,
                )
            )
    gone = were - {device.device_id for device in active}
    for device_id in gone:
        tx.execute(
            DEVICE.update()
            .where(DEVICE.c.mailbox_id == mailbox_id, DEVICE.c.device_id == device_id)
            .values(active=False)
        )
        tx.execute(
            EPOCH.delete().where(EPOCH.c.mailbox_id == mailbox_id, EPOCH.c.device_id == device_id)
        )
    return gone


# ── devices and epochs ───────────────────────────────────────────────────────────────
def by_device(tx: sa.Connection, mailbox_id: int, device_id: bytes) -> Member:
    """Return whose active device it is.

    Raises:
        BadCredentials: It is no longer active.
    """
    member = by_mailbox(tx, mailbox_id)
    if device_key(tx, mailbox_id, device_id) is None or member is None:
        raise BadCredentials("this device is no longer active")
    return member


def device_key(tx: sa.Connection, mailbox_id: int, device_id: bytes) -> bytes | None:
    """Return the public key of an *active* device."""
    asked = {"mailbox": mailbox_id, "device": device_id}
    return tx.execute(_DEVICE_KEY, asked).scalar_one_or_none()


def active_devices(tx: sa.Connection, mailbox_id: int) -> list[ActiveDevice]:
    """Return the active devices and when each last collected."""
    rows = tx.execute(_ACTIVE, {"mailbox": mailbox_id})
    return [ActiveDevice(row[0], row[1]) for row in rows]


def touch_device(tx: sa.Connection, mailbox_id: int, device_id: bytes, now: int) -> None:
    """Remember that a device collected."""
    tx.execute(_TOUCH, {"mailbox": mailbox_id, "device": device_id, "now": now})


def put_epoch(tx: sa.Connection, mailbox_id: int, epoch: NewEpoch) -> None:
    """Store a verified epoch and forget those that no sender should choose any more.

    Raises:
        Refused: Other octets are known under this number, or a newer one is.
    """
    mine = sa.and_(EPOCH.c.mailbox_id == mailbox_id, EPOCH.c.device_id == epoch.device_id)
    known = {
        row[0]: row[1] for row in tx.execute(sa.select(EPOCH.c.n, EPOCH.c.octets).where(mine)).all()
    }
    if known.get(epoch.n) == epoch.octets:
        return
    if known and epoch.n <= max(known):
        raise Refused(f"epoch {epoch.n} of this device is known already, or a newer one is")
    tx.execute(
        EPOCH.insert().values(
            mailbox_id=mailbox_id, device_id=epoch.device_id, n=epoch.n, octets=epoch.octets
        )
    )
    tx.execute(EPOCH.delete().where(mine, EPOCH.c.n <= epoch.n - _EPOCHS_PER_DEVICE))


def epochs(tx: sa.Connection, mailbox_id: int) -> list[bytes]:
    """Return the signed epochs in the order of Card.3: by device, then n."""
    rows = tx.execute(
        sa.select(EPOCH.c.octets)
        .where(EPOCH.c.mailbox_id == mailbox_id)
        .order_by(EPOCH.c.device_id, EPOCH.c.n)
    )
    return list(rows.scalars())


# ── attestations ─────────────────────────────────────────────────────────────────────
def attestation(tx: sa.Connection, mailbox_id: int) -> StoredAttestation | None:
    """Return the newest attestation."""
    row = tx.execute(
        sa.select(
            ATTESTATION.c.seq, ATTESTATION.c.domain_pk, ATTESTATION.c.issued, ATTESTATION.c.octets
        ).where(ATTESTATION.c.mailbox_id == mailbox_id)
    ).one_or_none()
    return None if row is None else StoredAttestation(row[0], row[1], row[2], row[3])


def keep_attestation(tx: sa.Connection, mailbox_id: int, made: StoredAttestation) -> None:
    """Replace the attestation; a crash before the commit only means that it is made again."""
    tx.execute(ATTESTATION.delete().where(ATTESTATION.c.mailbox_id == mailbox_id))
    tx.execute(
        ATTESTATION.insert().values(
            mailbox_id=mailbox_id,
            seq=made.seq,
            domain_pk=made.domain_pk,
            issued=made.issued,
            octets=made.octets,
        )
    )


def _member(tx: sa.Connection, where: sa.ColumnElement[bool]) -> Member | None:
    row = tx.execute(
        sa.select(MAILBOX.c.mailbox_id, MAILBOX.c.address, MAILBOX.c.pid).where(where)
    ).one_or_none()
    return None if row is None else Member(row[0], row[1], row[2])
