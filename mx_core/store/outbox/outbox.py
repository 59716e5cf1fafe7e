"""What waits to leave: durable before anybody is told yes, and settled exactly once.

Every transition is a compare-and-set on the state, so that doing it twice, or after a crash,
changes nothing; each returns whether it happened.  The policy of a recipient is frozen in
its row at enqueue and no transition touches it.  When all recipients are settled, parcels are
dropped, and octets that nobody may ask for again; the rows stay to tell what became of the message.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mx_core.carrier_port import Parcel
from mx_core.db import failpoint
from mx_core.model.address import Address
from mx_core.model.ids import EnvId, Pid, QueueId
from mx_core.model.octets import Octets, pieces
from mx_core.notation.hashing import b2_plain, b2_plain_of
from mx_core.store.arriving import receipts
from mx_core.store.bodies.file import OpenedFile
from mx_core.store.mail.writer import Writer
from mx_core.store.outbox.anew import ReturningOutbox
from mx_core.store.outbox.reader import State, address_of
from mx_core.store.outbox.state import (
    UNSENT,
    UNSETTLED,
    Report,
    change,
    set_state,
    settle,
    tell,
)
from mx_core.store.people import held_invitation, relation

if TYPE_CHECKING:
    import sqlalchemy as sa


class OutboxTable(ReturningOutbox):
    """See the module."""

    async def seal(
        self,
        queue_id: QueueId,
        recipient: Address,
        parcel: Parcel,
        pid: Pid | None = None,
        *,
        digest_of_s: bytes = b"",
        reduced: bool = False,
    ) -> bool:
        """Store the sealed parcel; sealing anew replaces one that was not sent yet.

        Who writes to somebody accepts them: *pid*, whom the parcel is sealed to, may answer, and
        receipt for it by *digest_of_s* (spec/receipts).  What stands in no mailbox yet enters
        Outbox in the same transaction.  *reduced*: to a key past its time, which the message then
        shows.
        """
        ready = await self._ready_if_new(queue_id)
        digest = await _digest_of(parcel.body)

        def job(writer: Writer, connection: sa.Connection) -> bool:
            self._show(writer, connection, ready)
            if not set_state(connection, queue_id, recipient, State.SEALED, UNSENT):
                return False
            if pid is not None:
                relation.accept_undecided(connection, pid, int(self._now()))
                if digest_of_s:
                    receipts.note_sealed(connection, digest_of_s, queue_id, recipient, pid)
            shared = connection.exec_driver_sql(
                "SELECT 1 FROM sealed_body WHERE queue_id = ? AND digest = ?", (queue_id, digest)
            ).scalar()
            if shared is None:
                connection.exec_driver_sql(
                    "INSERT INTO sealed_body VALUES (?, ?, ?)",
                    (queue_id, digest, writer.bodies.keep(parcel.body)),
                )
            connection.exec_driver_sql(
                "INSERT OR REPLACE INTO parcel VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
                (
                    queue_id,
                    str(recipient),
                    parcel.env_id,
                    parcel.envelope,
                    digest,
                    parcel.deliver_by,
                    str(parcel.recipient),
                ),
            )
            connection.exec_driver_sql(
                "INSERT OR IGNORE INTO handed_over VALUES (?, ?, ?, 0)",
                (parcel.env_id, queue_id, str(recipient)),
            )
            connection.exec_driver_sql(
                "UPDATE outbox_recipient SET reduced = ?, asked = NULL,"
                " sealed_anew = sealed_anew + (asked IS NOT NULL)"
                " WHERE queue_id = ? AND recipient = ?"
                " AND (asked IS NOT NULL OR reduced != ?)",
                (reduced, queue_id, str(recipient), reduced),
            )
            return True

        done = await self._mail.write_with(job)
        self._were_shown([each.queue_id for each in ready])
        if done and isinstance(parcel.body, OpenedFile):
            parcel.body.adopted = True
        # Crash here: sent at the next start, the very same octets.
        failpoint.reach("sealed")
        return done

    async def sent(self, queue_id: QueueId, recipient: Address) -> bool:
        """Note that the own home server holds the parcel.

        Crash before this: it is sent again, and the server knows the env_id.
        """
        return await self._mail.write_with(
            lambda writer, connection: change(
                writer, connection, queue_id, recipient, State.SENT, (State.SEALED,)
            )
        )

    async def asked_for_postage(self, env_id: EnvId, bits: int, again: float) -> bool:
        """Have the very same envelope sent again, with *bits* of postage; False: it is settled.

        At once when it is asked for so much for the first time, else at *again*, counting an
        attempt: the notice may have come twice, or the peer does not take what was paid.

        Crash before this: the notice comes again.  After it: paid for at the next start.
        """

        def job(writer: Writer, connection: sa.Connection) -> bool:
            row = connection.exec_driver_sql(
                "SELECT queue_id, recipient, postage_bits FROM parcel WHERE env_id = ?", (env_id,)
            ).one_or_none()
            if row is None:
                return False  # sealed anew meanwhile, or settled
            queue_id, recipient, before = row[0], address_of(row[1]), row[2]
            back = (State.SENT, State.SEALED)
            if not change(writer, connection, queue_id, recipient, State.SEALED, back):
                return False
            connection.exec_driver_sql(
                "UPDATE parcel SET postage_bits = ? WHERE env_id = ?", (bits, env_id)
            )
            connection.exec_driver_sql(
                "UPDATE outbox_recipient SET next_at = ?, attempts = attempts + ?"
                " WHERE queue_id = ? AND recipient = ?",
                (
                    int(self._now() if bits > before else again),
                    bits <= before,
                    queue_id,
                    str(recipient),
                ),
            )
            return True

        return await self._mail.write_with(job)

    async def anew(self, env_id: EnvId, pid: Pid, at: float) -> bool:
        """Have what was sealed as *env_id* sealed anew at *at*: the invitation of *pid* was used up.

        False: it is settled, or was sealed anew before.  Crash before the commit: the notice that
        asks for it comes again.  After it, that notice is of an envelope nobody waits for.
        """

        def job(writer: Writer, connection: sa.Connection) -> bool:
            row = connection.exec_driver_sql(
                "DELETE FROM parcel WHERE env_id = ? RETURNING queue_id, recipient", (env_id,)
            ).one_or_none()
            if row is None:
                return False
            queue_id, recipient = row[0], address_of(row[1])
            back = (State.SENT, State.SEALED)
            if not change(writer, connection, queue_id, recipient, State.QUEUED, back):
                return False
            connection.exec_driver_sql("DELETE FROM handed_over WHERE env_id = ?", (env_id,))
            held_invitation.note_used(connection, pid, used=True)
            connection.exec_driver_sql(
                "UPDATE outbox_recipient SET next_at = ? WHERE queue_id = ? AND recipient = ?",
                (int(at), queue_id, str(recipient)),
            )
            return True

        return await self._mail.write_with(job)

    async def relayed(self, env_id: EnvId, *, report: Report | None = None) -> bool:
        """Settle the item of *env_id*: the recipient's home server holds it.

        With *report* the sender is told, in the same transaction: both or neither, once.
        """

        def job(writer: Writer, connection: sa.Connection) -> bool:
            row = connection.exec_driver_sql(
                "SELECT queue_id, recipient FROM handed_over WHERE env_id = ? AND NOT unreadable",
                (env_id,),
            ).one_or_none()
            if row is None:
                return False
            queue_id, recipient = row
            # From any state: it may have been held or released after it had reached the server.
            if not set_state(connection, queue_id, recipient, State.RELAYED, UNSETTLED):
                return False
            if report is not None:
                tell(writer, report)
            settle(writer, connection, queue_id, int(self._now()))
            return True

        return await self._mail.write_with(job)

    async def failed(
        self,
        queue_id: QueueId,
        recipient: Address,
        reason: str,
        *,
        status: str = "5.0.0",
        report: Report | None = None,
    ) -> bool:
        """Settle as failed and put *report* into INBOX, both or neither, once."""

        def job(writer: Writer, connection: sa.Connection) -> bool:
            if not set_state(connection, queue_id, recipient, State.FAILED, UNSETTLED):
                return False
            connection.exec_driver_sql(
                "UPDATE outbox_recipient SET reason = ?, status = ?"
                " WHERE queue_id = ? AND recipient = ?",
                (reason, status, queue_id, str(recipient)),
            )
            if report is not None:
                tell(writer, report)
            settle(writer, connection, queue_id, int(self._now()))
            return True

        return await self._mail.write_with(job)


async def _digest_of(body: Octets) -> bytes:
    if isinstance(body, bytes):
        return b2_plain(body)
    return await asyncio.to_thread(b2_plain_of, pieces(body))
