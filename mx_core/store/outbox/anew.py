"""What left comes back into the outbox: no device of its reader can open it.  spec/unreadable §4.

The octets of what left end-to-end encrypted are kept for a while after it is settled, so that it
can be sealed anew, under the msg_id and the policy that it always had.  Each envelope brings its
item back once at most.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from mx_core.db import failpoint
from mx_core.model.address import Address
from mx_core.model.ids import EnvId, QueueId
from mx_core.store.bodies.body import BodyId
from mx_core.store.mail.writer import Writer
from mx_core.store.outbox import box as outbox_box
from mx_core.store.outbox.accept import AcceptingOutbox
from mx_core.store.outbox.reader import State, address_of
from mx_core.store.outbox.state import UNSETTLED, Report, set_state, settle, tell

if TYPE_CHECKING:
    import sqlalchemy as sa

SEALED_ANEW_MAX: Final = 3
_COUNTS: Final = (*UNSETTLED, State.RELAYED)


class Anew(Enum):
    """What becomes of a word that an envelope cannot be opened."""

    KNOWN = auto()  # nothing: it was heard before, or is about nothing of ours
    QUEUED = auto()  # sealed anew as soon as it can be
    SPENT = auto()  # it was sealed anew often enough
    GONE = auto()  # its octets are kept no longer


class ReturningOutbox(AcceptingOutbox):
    """See the module."""

    async def ask_anew(self, env_id: EnvId, signed: bytes) -> Anew:
        """Queue the item of *env_id* again, with the word that asks for it; QUEUED: done, durably.

        Crash before this: the notice comes again.  After it: sealed at the next start.
        """

        def job(writer: Writer, connection: sa.Connection) -> Anew:
            row = connection.exec_driver_sql(
                "SELECT handed_over.queue_id, handed_over.recipient, state, sealed_anew,"
                " coalesce(body, kept) FROM handed_over"
                " JOIN outbox ON outbox.queue_id = handed_over.queue_id"
                " JOIN outbox_recipient ON outbox_recipient.queue_id = handed_over.queue_id"
                " AND outbox_recipient.recipient = handed_over.recipient"
                " WHERE env_id = ? AND NOT unreadable AND state != 'failed'",
                (env_id,),
            ).one_or_none()
            if row is None:
                return Anew.KNOWN
            queue_id, recipient, state, times, body = row
            if body is None:
                return Anew.GONE
            if times >= SEALED_ANEW_MAX:
                return Anew.SPENT
            _count_no_more(connection, queue_id, recipient)
            connection.exec_driver_sql(
                "UPDATE outbox SET body = coalesce(body, kept), kept = NULL WHERE queue_id = ?",
                (queue_id,),
            )
            now = int(self._now())
            waits = State.HELD if state == State.HELD.value else State.QUEUED
            connection.exec_driver_sql(
                "UPDATE outbox_recipient SET state = ?, asked = ?, asked_at = ?, next_at = ?,"
                " attempts = 0, delay_told = 0 WHERE queue_id = ? AND recipient = ?",
                (waits.value, signed, now, now, queue_id, recipient),
            )
            outbox_box.show(writer, connection, queue_id)
            return Anew.QUEUED

        done = await self._mail.write_with(job)
        if done is Anew.QUEUED:
            failpoint.reach("asked")
        return done

    async def leave_as_it_was(self, queue_id: QueueId, recipient: Address) -> bool:
        """Settle again what was asked for by a word that does not prove itself."""

        def job(writer: Writer, connection: sa.Connection) -> bool:
            if not set_state(connection, queue_id, recipient, State.RELAYED, (State.QUEUED,)):
                return False
            connection.exec_driver_sql(
                "UPDATE outbox_recipient SET asked = NULL WHERE queue_id = ? AND recipient = ?",
                (queue_id, str(recipient)),
            )
            settle(writer, connection, queue_id, int(self._now()))
            return True

        return await self._mail.write_with(job)

    async def cannot_be_read(self, env_id: EnvId, reason: str, report: Report) -> bool:
        """Settle the item of *env_id* as failed, although it was relayed, and tell: both, once."""

        def job(writer: Writer, connection: sa.Connection) -> bool:
            row = connection.exec_driver_sql(
                "SELECT queue_id, recipient FROM handed_over WHERE env_id = ? AND NOT unreadable",
                (env_id,),
            ).one_or_none()
            if row is None:
                return False
            queue_id, recipient = row[0], address_of(row[1])
            if not set_state(connection, queue_id, recipient, State.FAILED, _COUNTS):
                return False
            _count_no_more(connection, queue_id, row[1])
            connection.exec_driver_sql(
                "UPDATE outbox_recipient SET reason = ?, status = '5.6.0'"
                " WHERE queue_id = ? AND recipient = ?",
                (reason, queue_id, row[1]),
            )
            tell(writer, report)
            settle(writer, connection, queue_id, int(self._now()))
            return True

        return await self._mail.write_with(job)

    async def forget_kept(self, before: float) -> int:
        """Let go of the octets of what was settled before then; return of how many.

        Crash after the commit: files of dropped bodies are orphans, removed at the next open.
        """

        def job(writer: Writer, connection: sa.Connection) -> int:
            rows = connection.exec_driver_sql(
                "SELECT kept, alone FROM outbox WHERE kept IS NOT NULL AND settled < ?",
                (int(before),),
            ).all()
            if rows:
                writer.bodies.drop([BodyId(body) for body, alone in rows if alone])
                connection.exec_driver_sql(
                    "UPDATE outbox SET kept = NULL WHERE kept IS NOT NULL AND settled < ?",
                    (int(before),),
                )
            return len(rows)

        return await self._mail.write_with(job)


def _count_no_more(connection: sa.Connection, queue_id: str, recipient: str) -> None:
    """Let nothing that is said of an envelope sealed before change the item."""
    connection.exec_driver_sql(
        "UPDATE handed_over SET unreadable = 1 WHERE queue_id = ? AND recipient = ?",
        (queue_id, recipient),
    )
