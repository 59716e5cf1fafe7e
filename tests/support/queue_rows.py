"""Rows of a home server as tests make them: a member, what arrives for one, and what leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa

from mx_core.homeserver.mailboxes import appending, deliveries
from mx_core.homeserver.mailboxes.deliveries import Envelope
from mx_core.homeserver.people import accounts
from mx_core.homeserver.people.accounts import Member, NewDevice, NewEpoch
from mx_core.homeserver.queue.outgoing import Leaving
from mx_core.homeserver.schema import METADATA
from mx_core.homeserver.storage.bodies import Body
from mx_core.homeserver.storage.depot import new_place

T = TypeVar("T")
Do = Callable[[Callable[[sa.Connection], T]], T]
NOW = 1_700_000_000
DAY = 86_400
A, B = b"a" * 16, b"b" * 16
BLOB = b"\x07" * 32
PLACE = new_place(BLOB)


def empty(tx: sa.Connection) -> None:
    for table in METADATA.sorted_tables:
        tx.execute(table.delete())


def register(tx: sa.Connection, address: str, devices: list[bytes]) -> Member:
    return accounts.create(
        tx,
        address,
        address.encode().ljust(32, b"\0"),
        signed_entries=[b"entry 0"],
        devices=[NewDevice(device, device * 2) for device in devices],
        epochs=[NewEpoch(device, 1, device + b" 1") for device in devices],
        now=NOW,
    )


def envelope_of(name: bytes, body: Body | None = None) -> Envelope:
    return Envelope(
        env_id=name.ljust(32, b"\0"),
        peer_domain="a.example",
        envelope=b"MXE1" + name,
        body=body or Body.of(b"MXB1" + name),
        deliver_by=NOW + DAY,
        token=b"",
    )


def arrive(tx: sa.Connection, member: Member, what: Envelope) -> bool:
    """Do what a receiver does with one envelope."""
    if not appending.remember(tx, [(member.mailbox_id, what)]):
        return False
    appending.append(tx, [appending.row_of(tx, member.mailbox_id, what)])
    return True


def held_by(tx: sa.Connection, member: Member) -> int:
    return appending.boxes(tx, [member.address])[member.address].held_octets


def leaving_of(member: Member, name: bytes, body: Body | None = None) -> Leaving:
    return Leaving(
        mailbox_id=member.mailbox_id,
        device_id=A,
        env_id=name.ljust(32, b"\0"),
        destination="c.example",
        route=b"carol@c.example",
        envelope=b"MXE1" + name,
        body=body or Body.of(b"MXB1" + name),
        token=b"",
        deliver_by=NOW + DAY,
        submitted=NOW,
    )


def sequences(tx: sa.Connection, member: Member, device: bytes, after: int = 0) -> list[int]:
    return [row.sequence for row in deliveries.waiting(tx, member.mailbox_id, device, after, 100)]
