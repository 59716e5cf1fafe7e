"""What becomes of an item that waits: for time, for a person, for a relay."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from mx_core.db.database import Database
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.ids import QueueId
from mx_core.store.mail.mail import Mail
from mx_core.store.mail.writer import Writer
from mx_core.store.outbox import box as outbox_box
from mx_core.store.outbox.reader import OutboxReader, State
from mx_core.store.outbox.state import (
    NEVER_SEALED,
    UNSENT,
    Report,
    change,
    set_state,
    settle,
    tell,
)
from mx_core.store.people.incident import Incident, note

if TYPE_CHECKING:
    import sqlalchemy as sa

_OF_A_SUBMISSION: Final = (
    "handed_over",
    "sealed_statement",
    "sent_copy",
    "outbox_recipient",
    "outbox",
)


class WaitingOutbox(OutboxReader):
    """Every transition is a compare-and-set, as in ``OutboxTable``."""

    def __init__(self, database: Database, folder: Path, mail: Mail, now: Now) -> None:
        super().__init__(database, folder)
        self._mail = mail
        self._now = now

    async def defer(
        self,
        queue_id: QueueId,
        recipient: Address,
        next_at: float,
        reason: str,
        *,
        report: Report | None = None,
    ) -> bool:
        """Try again at *next_at*; counts an attempt.  *report* tells the delay, both or neither."""

        def job(writer: Writer, connection: sa.Connection) -> bool:
            updated = connection.exec_driver_sql(
                "UPDATE outbox_recipient SET next_at = ?, reason = ?, attempts = attempts + 1,"
                " delay_told = max(delay_told, ?)"
                " WHERE queue_id = ? AND recipient = ? AND state IN ('queued', 'sealed')",
                (int(next_at), reason, report is not None, queue_id, str(recipient)),
            )
            if updated.rowcount and report is not None:
                tell(writer, report)
            if updated.rowcount:
                outbox_box.show(writer, connection, queue_id)
            return bool(updated.rowcount)

        return await self._mail.write_with(job)

    async def hasten(self, queue_id: QueueId, recipient: Address) -> bool:
        """Make a deferred item due now."""
        return await self._mail.write_with(
            lambda _writer, connection: bool(
                connection.exec_driver_sql(
                    "UPDATE outbox_recipient SET next_at = ?"
                    " WHERE queue_id = ? AND recipient = ? AND state IN ('queued', 'sealed')",
                    (int(self._now()), queue_id, str(recipient)),
                ).rowcount
            )
        )

    async def hold(
        self,
        queue_id: QueueId,
        recipient: Address,
        reason: str,
        *,
        report: Report | None = None,
        because: Incident | None = None,
    ) -> bool:
        """Let it wait for a person and put *report* into INBOX, both or neither, once.

        Without the report, if what it is held *because* of was told within a day.
        """

        def job(writer: Writer, connection: sa.Connection) -> bool:
            connection.exec_driver_sql(
                "UPDATE outbox_recipient SET reason = ? WHERE queue_id = ? AND recipient = ?"
                " AND state IN ('queued', 'sealed')",
                (reason, queue_id, str(recipient)),
            )
            if not change(writer, connection, queue_id, recipient, State.HELD, UNSENT):
                return False
            known = because is not None and not note(connection, because, int(self._now()))
            if report is not None and not known:
                tell(writer, report)
            return True

        return await self._mail.write_with(job)

    async def release(self, queue_id: QueueId, recipient: Address) -> bool:
        """Queue a held item again; it is sealed anew, under the policy it always had."""

        def job(writer: Writer, connection: sa.Connection) -> bool:
            connection.exec_driver_sql(
                "UPDATE outbox_recipient SET next_at = ?, reason = ''"
                " WHERE queue_id = ? AND recipient = ? AND state = 'held'",
                (int(self._now()), queue_id, str(recipient)),
            )
            return change(writer, connection, queue_id, recipient, State.QUEUED, (State.HELD,))

        return await self._mail.write_with(job)

    async def let_leave(
        self, queue_id: QueueId, recipient: Address, policy: str, decision: str
    ) -> bool:
        """Free what no parcel exists of to leave as *policy* says, by a decision of the person."""

        def job(writer: Writer, connection: sa.Connection) -> bool:
            if not change(writer, connection, queue_id, recipient, State.QUEUED, NEVER_SEALED):
                return False
            connection.exec_driver_sql(
                "UPDATE outbox_recipient SET policy = ?, decision = ?, reason = '', next_at = ?"
                " WHERE queue_id = ? AND recipient = ?",
                (policy, decision, int(self._now()), queue_id, str(recipient)),
            )
            return True

        return await self._mail.write_with(job)

    async def claim(self, queue_id: QueueId, recipient: Address) -> bool:
        """Note that it is about to be given to the server for ordinary mail; False: it was cancelled.

        From here on a person can no longer take it back.  Crash after this: given again.
        """
        return await self._mail.write_with(
            lambda _writer, connection: set_state(
                connection, queue_id, recipient, State.SEALED, UNSENT
            )
        )

    async def unclaim(self, queue_id: QueueId, recipient: Address) -> bool:
        """Note that the server for ordinary mail has not taken it."""
        return await self._mail.write_with(
            lambda _writer, connection: set_state(
                connection, queue_id, recipient, State.QUEUED, (State.SEALED,)
            )
        )

    async def handed_to_relay(
        self, queue_id: QueueId, recipient: Address, *, report: Report | None = None
    ) -> bool:
        """Settle what left as ordinary mail: the server for it has taken the message.

        Crash before this: it is given to that server again; SMTP cannot tell (RFC 1047).
        """

        def job(writer: Writer, connection: sa.Connection) -> bool:
            if not set_state(connection, queue_id, recipient, State.RELAYED, UNSENT):
                return False
            if report is not None:
                tell(writer, report)
            settle(writer, connection, queue_id, int(self._now()))
            return True

        return await self._mail.write_with(job)

    async def forget_settled(self, before: float) -> None:
        """Delete the rows of submissions accepted before then whose recipients are all settled."""

        def job(_writer: Writer, connection: sa.Connection) -> None:
            old = connection.exec_driver_sql(
                "SELECT queue_id FROM outbox WHERE body IS NULL AND kept IS NULL AND created < ?",
                (int(before),),
            )
            for queue_id in old.scalars().all():
                for table in _OF_A_SUBMISSION:
                    connection.exec_driver_sql(
                        f"DELETE FROM {table} WHERE queue_id = ?",  # noqa: S608  # literals
                        (queue_id,),
                    )

        await self._mail.write_with(job)
