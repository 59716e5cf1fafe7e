"""Rows are appended to mailboxes, a whole batch at a time.  Jobs for ``Database``.

A batch costs a handful of statements however many items it has: building one costs more than
running it.  Invariants: an envelope is stored once however often it comes (``seen`` outlives the
row until a day after ``deliver_by``); sequences of a mailbox only grow, in the order given here;
``held_octets`` changes with the rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa
from msgspec import Struct

from mx_core.db.bulk import Twofold, insert_new, insert_rows, twofold, update_rows
from mx_core.db.prepared import Prepared
from mx_core.db.stepped import Stepped
from mx_core.homeserver.mailboxes.deliveries import Envelope, Notice
from mx_core.homeserver.schema import DELIVERY, DEVICE, MAILBOX, SEEN
from mx_core.homeserver.storage.bodies import take

_TOMBSTONE_SECONDS: Final = 86_400
_NOTICE_OCTETS: Final = 256

Place = tuple[int, bytes]  # of a mailbox, and an env_id or a device_id in it


class Box(Struct):
    """A mailbox that something is for, held; what it says is counted on by whoever fills it."""

    mailbox_id: int
    held_octets: int
    next_sequence: int

    def take(self, row: dict[str, Any]) -> None:
        """Give *row* its sequence, and count it."""
        row["sequence"] = self.next_sequence
        self.next_sequence += 1
        self.held_octets += row["octets"]


_NAMED: Final = MAILBOX.alias("named")


# What is built once: statements whose parameters alone differ from batch to batch.
def _boxes(named: sa.ColumnElement[bool]) -> Any:
    return (
        sa.select(
            MAILBOX.c.address, MAILBOX.c.mailbox_id, MAILBOX.c.held_octets, MAILBOX.c.next_sequence
        )
        .where(named)
        .order_by(MAILBOX.c.mailbox_id)  # as in `holding`
        .with_for_update()
    )


_OF_THESE: Final = sa.select(_NAMED.c.mailbox_id).where(
    _NAMED.c.address == sa.any_(sa.bindparam("addresses", type_=sa.ARRAY(sa.Text)))
)
_BOXES: Final = Twofold(
    Stepped(_boxes(MAILBOX.c.address.in_(sa.bindparam("addresses", expanding=True)))),
    # found by address, then held by number: the one index finds them, the other has them in order
    Prepared(_boxes(MAILBOX.c.mailbox_id == sa.any_(sa.func.array(_OF_THESE.scalar_subquery())))),
)
_IS_KNOWN: Final = sa.select(SEEN.c.until).where(
    SEEN.c.mailbox_id == sa.bindparam("mailbox"), SEEN.c.env_id == sa.bindparam("env")
)
_FORGET: Final = SEEN.delete().where(
    SEEN.c.mailbox_id == sa.bindparam("mailbox"), SEEN.c.env_id == sa.bindparam("env")
)
_ACTIVE: Final = twofold(
    lambda among: sa.select(DEVICE.c.mailbox_id, DEVICE.c.device_id).where(
        among(DEVICE.c.mailbox_id, "mailboxes"), DEVICE.c.active
    )
)
_ENDS: Final = twofold(
    lambda among: (
        sa.select(MAILBOX.c.mailbox_id, MAILBOX.c.held_octets, MAILBOX.c.next_sequence)
        .where(among(MAILBOX.c.mailbox_id, "mailboxes"))
        .order_by(MAILBOX.c.mailbox_id)
        .with_for_update()
    )
)


def boxes(tx: sa.Connection, addresses: Collection[str]) -> dict[str, Box]:
    """Return the mailboxes of those of the canonical *addresses* that are somebody's; held."""
    rows = _BOXES.rows(tx, {"addresses": sorted(addresses)})
    return {address: Box(*of_it) for address, *of_it in rows}


def is_known(tx: sa.Connection, mailbox_id: int, env_id: bytes) -> bool:
    """Tell whether the envelope was accepted before."""
    found = tx.execute(_IS_KNOWN, {"mailbox": mailbox_id, "env": env_id})
    return found.one_or_none() is not None


def remember(tx: sa.Connection, arriving: Sequence[tuple[int, Envelope]]) -> set[Place]:
    """Note envelopes as accepted, and return the places of those that were not known before."""
    if not arriving:
        return set()
    notes = [
        {
            "mailbox_id": mailbox_id,
            "env_id": what.env_id,
            "until": what.deliver_by + _TOMBSTONE_SECONDS,
        }
        for mailbox_id, what in arriving
    ]
    new = insert_new(tx, SEEN, notes, ("mailbox_id", "env_id"))
    return {(mailbox_id, env_id) for mailbox_id, env_id in new}


def forget(tx: sa.Connection, mailbox_id: int, env_id: bytes) -> None:
    """Take back what ``remember`` noted: the envelope was not accepted after all."""
    tx.execute(_FORGET, {"mailbox": mailbox_id, "env": env_id})


def row_of(tx: sa.Connection, mailbox_id: int, what: Envelope) -> dict[str, Any]:
    """Return the row that *what* becomes, for ``append``; its body is counted as used.

    Raises:
        BlobMissing: The body was never put, or is gone; there is no row.
    """
    if not what.body_stays:
        take(tx, what.body)
    return {
        "mailbox_id": mailbox_id,
        "env_id": what.env_id,
        "octets": what.octets,
        "peer_domain": what.peer_domain,
        "envelope": what.envelope,
        "body": what.body.inline,
        "blob_id": what.body.blob_id,
        "blob_size": what.body.size if what.body.blob_id else None,
        "deliver_by": what.deliver_by,
        "token": what.token,
        "body_stays": what.body_stays,
    }


def ends(tx: sa.Connection, mailboxes: Collection[int]) -> dict[int, Box]:
    """Return *mailboxes*, held as ``holding.hold`` does: what is appended to them comes next."""
    return {row[0]: Box(*row) for row in _ENDS.rows(tx, {"mailboxes": sorted(mailboxes)})}


def notify(
    tx: sa.Connection,
    notices: Sequence[tuple[int, Notice]],
    held: dict[int, Box] | None = None,
) -> None:
    """Tell the submitting devices, in order; nobody whose device is no longer active.

    *held*: their mailboxes, of whoever holds them already.
    """
    if not notices:
        return
    mailboxes = sorted({mailbox_id for mailbox_id, _ in notices})
    rows = _ACTIVE.rows(tx, {"mailboxes": mailboxes})
    active = {(mailbox_id, device_id) for mailbox_id, device_id in rows}
    append(
        tx,
        [
            {
                "mailbox_id": mailbox_id,
                "env_id": notice.env_id,
                "octets": _NOTICE_OCTETS,
                "device_id": notice.device_id,
                "relayed": notice.relayed,
                "status": notice.status,
                "reason": notice.reason,
                "postage_bits": notice.postage_bits,
                "unreadable": notice.unreadable or None,
            }
            for mailbox_id, notice in notices
            if (mailbox_id, notice.device_id) in active
        ],
        held,
    )


def append(
    tx: sa.Connection, rows: Sequence[dict[str, Any]], held: dict[int, Box] | None = None
) -> None:
    """Give each of *rows*, all of one kind, the next sequence of its mailbox, and store them."""
    if not rows:
        return
    mailboxes = {row["mailbox_id"] for row in rows}
    boxes_of = ends(tx, mailboxes) if held is None else held
    for row in rows:
        boxes_of[row["mailbox_id"]].take(row)
    write(tx, [boxes_of[mailbox_id] for mailbox_id in sorted(mailboxes)], rows)


def write(tx: sa.Connection, filled: Iterable[Box], rows: Sequence[dict[str, Any]]) -> None:
    """Store *rows*, all of one kind, which the boxes *filled* have taken."""
    update_rows(
        tx,
        MAILBOX,
        "mailbox_id",
        [
            {
                "mailbox_id": box.mailbox_id,
                "next_sequence": box.next_sequence,
                "held_octets": box.held_octets,
            }
            for box in filled
        ],
    )
    insert_rows(tx, DELIVERY, rows)
