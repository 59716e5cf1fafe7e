"""Receipts that this account owes, and which of its own messages receipts may speak of.

What is owed is noted in the transaction that stores a message, and forgotten when the home server
holds a letter that took it along: whatever a crash repeats is said twice and means the same.  A
receipt that comes counts once, for the very envelope that was sealed.  docs/spec/receipts.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mx_core.db import failpoint
from mx_core.db.database import Database
from mx_core.envelope.ext import RECEIPTS_MAX, SignedReceipt
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import MessageGone
from mx_core.model.ids import MailboxId, MsgId, Pid, QueueId, Uid
from mx_core.store.mail.mail import Mail
from mx_core.store.mail.writer import Writer
from mx_core.store.outbox.reader import State, address_of
from mx_core.store.outbox.state import UNSETTLED, Report, set_state, settle, tell
from mx_core.store.outbox.word import DELIVERED
from mx_core.store.people import relation
from mx_core.store.people.relation import Author, Relation

if TYPE_CHECKING:
    import sqlalchemy as sa

# who was blocked meanwhile is told nothing
_TO_CONTACTS: Final = (
    f"pid IN (SELECT pid FROM relation WHERE state = {int(Relation.ACCEPTED)})"  # noqa: S608  # a number
    " ORDER BY due LIMIT ?"
)


class Owed(Struct, frozen=True):
    """One receipt that *author* is to get, alone from *due* on, unix seconds."""

    msg_id: MsgId
    author: Author
    receipt: SignedReceipt
    due: int


class Sealed(Struct, frozen=True):
    """Whom an S was sealed for: one recipient of one submission."""

    queue_id: QueueId
    recipient: Address
    pid: Pid
    msg_id: MsgId


class Receipts:
    """See the module."""

    def __init__(self, database: Database, mail: Mail, now: Now) -> None:
        self._database = database
        self._mail = mail
        self._now = now

    # ── owed ─────────────────────────────────────────────────────────────────────────
    async def owed_to(self, pid: Pid) -> list[Owed]:
        """Return what *pid* is owed, as many as one letter takes, the longest due first."""
        return self._database.glance(
            lambda connection: _owed(
                connection, f"WHERE pid = ? AND {_TO_CONTACTS}", (pid, RECEIPTS_MAX)
            )
        )

    async def due(self, now: float) -> list[Owed]:
        """Return what is to be sent alone now, of whoever has waited longest."""
        return self._database.glance(
            lambda connection: _owed(
                connection,
                f"WHERE pid = (SELECT pid FROM owed_receipt WHERE due <= ? AND {_TO_CONTACTS})"  # noqa: S608  # literals
                f" AND {_TO_CONTACTS}",
                (int(now), 1, RECEIPTS_MAX),
            )
        )

    async def gave(self, msg_ids: Iterable[MsgId]) -> None:
        """Forget what was given; crash before this: it is given again."""
        given = json.dumps([each.hex() for each in msg_ids])
        await self._database.write(
            lambda connection: (
                connection.exec_driver_sql(
                    "DELETE FROM owed_receipt"
                    " WHERE msg_id IN (SELECT unhex(value) FROM json_each(?))",
                    (given,),
                ).rowcount
            )
        )

    async def put_off(self, pid: Pid, due: float) -> None:
        """Send nothing alone to *pid* before *due*."""
        await self._database.write(
            lambda connection: (
                connection.exec_driver_sql(
                    "UPDATE owed_receipt SET due = ? WHERE pid = ?", (int(due), pid)
                ).rowcount
            )
        )

    async def forget_owed(self) -> None:
        """Owe nobody anything: the owner gives no receipts any more."""
        await self._database.write(
            lambda connection: connection.exec_driver_sql("DELETE FROM owed_receipt").rowcount
        )

    # ── of our own mail ──────────────────────────────────────────────────────────────
    async def sealed(self, digest: bytes) -> Sealed | None:
        """Return what was sealed with the S of *digest*; None if nothing was, or it is settled.

        Settled: a receipt of it came before, or what became of it is remembered no longer.
        """
        row = self._database.glance(
            lambda connection: connection.exec_driver_sql(
                "SELECT sealed_statement.queue_id, sealed_statement.recipient, pid, msg_id"
                " FROM sealed_statement JOIN outbox_recipient"
                " ON outbox_recipient.queue_id = sealed_statement.queue_id"
                " AND outbox_recipient.recipient = sealed_statement.recipient"
                " WHERE digest = ? AND delivered IS NULL",
                (digest,),
            ).one_or_none()
        )
        if row is None:
            return None
        return Sealed(QueueId(row[0]), address_of(row[1]), Pid(row[2]), MsgId(row[3]))

    async def sent_octets(self, queue_id: QueueId) -> bytes:
        """Return the copy in Sent of a message that has left.

        Raises:
            MessageGone: There is none any more.
        """

        def job(writer: Writer, connection: sa.Connection) -> bytes:
            copy = _copy(connection, queue_id)
            found = writer.places.find(copy[0], [copy[1]]) if copy else []
            if not found:
                raise MessageGone("there is no copy of it in Sent")
            return writer.octets(found[0].message)

        return await self._mail.write_with(job)

    async def delivered(self, digest: bytes, day: int, report: Report | None) -> bool:
        """Note that the recipient holds it since *day*, and tell *report*: both or neither, once.

        A receipt also shows that it was relayed, if it is quicker than the notice of that.
        """

        def job(writer: Writer, connection: sa.Connection) -> bool:
            row = connection.exec_driver_sql(
                "UPDATE sealed_statement SET delivered = ? WHERE digest = ? AND delivered IS NULL"
                " RETURNING queue_id, recipient",
                (day, digest),
            ).one_or_none()
            if row is None:
                return False
            queue_id, recipient = row
            if report is not None:
                tell(writer, report)
            if set_state(connection, queue_id, recipient, State.RELAYED, UNSETTLED):
                settle(writer, connection, queue_id, int(self._now()))
            _show(writer, connection, queue_id)
            return True

        done = await self._mail.write_with(job)
        # Crash here: the same receipt comes again with the same letter, and counts no more.
        failpoint.reach("receipted")
        return done


def owe(connection: sa.Connection, owed: Owed) -> None:
    """Note *owed* with the message that it speaks of, if its author is an accepted contact."""
    if relation.relation_to(connection, owed.author.pid) is not Relation.ACCEPTED:
        return
    connection.exec_driver_sql(
        "INSERT OR IGNORE INTO owed_receipt VALUES (?, ?, ?, ?, ?, ?)",
        (
            owed.msg_id,
            owed.author.pid,
            str(owed.author.address),
            owed.receipt.body,
            owed.receipt.signature,
            owed.due,
        ),
    )


def note_sealed(
    connection: sa.Connection, digest: bytes, queue_id: QueueId, recipient: Address, pid: Pid
) -> None:
    """Note, where a parcel is stored, which S it holds."""
    connection.exec_driver_sql(
        "INSERT OR IGNORE INTO sealed_statement VALUES (?, ?, ?, ?, NULL)",
        (digest, queue_id, str(recipient), pid),
    )


def _owed(connection: sa.Connection, which: str, values: Sequence[object]) -> list[Owed]:
    rows = connection.exec_driver_sql(
        f"SELECT msg_id, pid, address, body, signature, due FROM owed_receipt {which}",  # noqa: S608  # literals
        tuple(values),
    )
    return [
        Owed(
            MsgId(msg_id),
            Author(Pid(pid), address_of(address)),
            SignedReceipt(body, signature),
            due,
        )
        for msg_id, pid, address, body, signature, due in rows.all()
    ]


def _copy(connection: sa.Connection, queue_id: str) -> tuple[MailboxId, Uid] | None:
    row = connection.exec_driver_sql(
        "SELECT mailbox, uid FROM sent_copy WHERE queue_id = ? AND mailbox IS NOT NULL",
        (queue_id,),
    ).one_or_none()
    return None if row is None else (MailboxId(row[0]), Uid(row[1]))


def _show(writer: Writer, connection: sa.Connection, queue_id: str) -> None:
    """Let the copy in Sent say so once every recipient has it."""
    missing = connection.exec_driver_sql(
        "SELECT 1 FROM outbox_recipient WHERE queue_id = ? AND NOT EXISTS"
        " (SELECT 1 FROM sealed_statement WHERE sealed_statement.queue_id = outbox_recipient.queue_id"
        " AND sealed_statement.recipient = outbox_recipient.recipient AND delivered IS NOT NULL)"
        " LIMIT 1",
        (queue_id,),
    ).scalar()
    copy = _copy(connection, queue_id)
    if missing is None and copy is not None:
        writer.places.flag(copy[0], [copy[1]], lambda old: old | {DELIVERED})
