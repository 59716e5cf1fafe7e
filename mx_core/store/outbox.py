"""What waits to leave: durable before anybody is told yes, and settled exactly once.

Every transition is a compare-and-set on the state, so that doing it twice, or after a crash,
changes nothing; each returns whether it happened.  The policy of a recipient is frozen in
its row at enqueue and no transition touches it.  When all recipients are settled, octets and
parcels are dropped; the rows stay to tell what became of the message.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from mx_core.db import failpoint
from mx_core.db.database import Database
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.ids import EnvId, MsgId, Pid, QueueId
from mx_core.model.mailbox_name import INBOX
from mx_core.model.message import MessageForm, Submission
from mx_core.model.notify import AS_USUAL
from mx_core.notation.hashing import b2_plain
from mx_core.ports import Parcel
from mx_core.store import relation
from mx_core.store.body import BodyId, BodyWriter
from mx_core.store.mail import Mail
from mx_core.store.outbox_reader import OutboxReader, State
from mx_core.store.writer import Writer
from mx_core.trust.pin import Pin

_MSG_ID_OCTETS: Final = 16
_QUEUE_ID_OCTETS: Final = 8
NATIVE: Final = "native"  # the policy that only ever leaves end-to-end encrypted


@dataclass(frozen=True, slots=True)
class Report:
    """A delivery report (RFC 3464) for the sender's own INBOX."""

    octets: bytes
    form: MessageForm


class OutboxTable(OutboxReader):
    """See the module."""

    def __init__(self, database: Database, folder: Path, mail: Mail, now: Now) -> None:
        super().__init__(database, folder)
        self._mail = mail
        self._now = now

    async def enqueue(
        self,
        submission: Submission,
        *,
        policies: Mapping[Address, str] | None = None,
        held: Mapping[Address, str] | None = None,
    ) -> QueueId:
        """Return once the submission is durable; each recipient gets its msg_id here.

        A recipient in *held* waits for a person, with that reason; one that *policies* does
        not name goes end-to-end encrypted or not at all.

        Raises:
            DiskFull: Nothing was taken.
        """
        queue_id = QueueId(secrets.token_hex(_QUEUE_ID_OCTETS))
        now = int(self._now())

        def job(writer: Writer, connection: sa.Connection) -> None:
            connection.exec_driver_sql(
                "INSERT INTO outbox (queue_id, sender, created, size, body, envid, return_full)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    queue_id,
                    str(submission.sender),
                    now,
                    len(submission.octets),
                    writer.bodies.add(submission.octets),
                    submission.envid,
                    submission.return_full,
                ),
            )
            for place, recipient in enumerate(submission.recipients):
                reason = (held or {}).get(recipient)
                wanted = submission.wanted.get(recipient, AS_USUAL)
                connection.exec_driver_sql(
                    "INSERT INTO outbox_recipient VALUES"
                    " (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, '', ?, ?, 0)",
                    (
                        queue_id,
                        place,
                        str(recipient),
                        recipient in submission.hidden,
                        MsgId(secrets.token_bytes(_MSG_ID_OCTETS)),
                        (policies or {}).get(recipient, NATIVE),
                        (State.QUEUED if reason is None else State.HELD).value,
                        now,
                        reason or "",
                        wanted.spelt(),
                        wanted.original,
                    ),
                )
                _accept_known(connection, recipient, now)

        await self._mail.write_with(job)
        # Crash here: durable and not confirmed; the mail program sends it again, as SMTP has it.
        failpoint.reach("committed")
        return queue_id

    async def seal(
        self, queue_id: QueueId, recipient: Address, parcel: Parcel, pid: Pid | None = None
    ) -> bool:
        """Store the sealed parcel; sealing anew replaces one that was not sent yet.

        Who writes to somebody accepts them: *pid*, whom the parcel is sealed to, may answer.
        """

        def job(writer: Writer, connection: sa.Connection) -> bool:
            if not _set(connection, queue_id, recipient, State.SEALED, _UNSENT):
                return False
            if pid is not None:
                relation.accept_undecided(connection, pid, int(self._now()))
            digest = b2_plain(parcel.body)
            shared = connection.exec_driver_sql(
                "SELECT 1 FROM sealed_body WHERE queue_id = ? AND digest = ?", (queue_id, digest)
            ).scalar()
            if shared is None:
                connection.exec_driver_sql(
                    "INSERT INTO sealed_body VALUES (?, ?, ?)",
                    (queue_id, digest, writer.bodies.add(parcel.body)),
                )
            connection.exec_driver_sql(
                "INSERT OR REPLACE INTO parcel VALUES (?, ?, ?, ?, ?, ?)",
                (
                    queue_id,
                    str(recipient),
                    parcel.env_id,
                    parcel.envelope,
                    digest,
                    parcel.deliver_by,
                ),
            )
            connection.exec_driver_sql(
                "INSERT OR IGNORE INTO handed_over VALUES (?, ?, ?)",
                (parcel.env_id, queue_id, str(recipient)),
            )
            return True

        done = await self._mail.write_with(job)
        # Crash here: sent at the next start, the very same octets.
        failpoint.reach("sealed")
        return done

    async def sent(self, queue_id: QueueId, recipient: Address) -> bool:
        """Note that the own home server holds the parcel.

        Crash before this: it is sent again, and the server knows the env_id.
        """
        return await self._mail.write_with(
            lambda _writer, connection: _set(
                connection, queue_id, recipient, State.SENT, (State.SEALED,)
            )
        )

    async def relayed(self, env_id: EnvId, *, report: Report | None = None) -> bool:
        """Settle the item of *env_id*: the recipient's home server holds it.

        With *report* the sender is told, in the same transaction: both or neither, once.
        """

        def job(writer: Writer, connection: sa.Connection) -> bool:
            row = connection.exec_driver_sql(
                "SELECT queue_id, recipient FROM handed_over WHERE env_id = ?", (env_id,)
            ).one_or_none()
            if row is None:
                return False
            queue_id, recipient = row
            # From any state: it may have been held or released after it had reached the server.
            if not _set(connection, queue_id, recipient, State.RELAYED, _UNSETTLED):
                return False
            if report is not None:
                _append(writer, report)
            _drop_if_settled(connection, writer.bodies, queue_id)
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
            if not _set(connection, queue_id, recipient, State.FAILED, _UNSETTLED):
                return False
            connection.exec_driver_sql(
                "UPDATE outbox_recipient SET reason = ?, status = ?"
                " WHERE queue_id = ? AND recipient = ?",
                (reason, status, queue_id, str(recipient)),
            )
            if report is not None:
                _append(writer, report)
            _drop_if_settled(connection, writer.bodies, queue_id)
            return True

        return await self._mail.write_with(job)

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
                _append(writer, report)
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
        self, queue_id: QueueId, recipient: Address, reason: str, *, report: Report | None = None
    ) -> bool:
        """Let it wait for a person and put *report* into INBOX, both or neither, once."""

        def job(writer: Writer, connection: sa.Connection) -> bool:
            connection.exec_driver_sql(
                "UPDATE outbox_recipient SET reason = ? WHERE queue_id = ? AND recipient = ?"
                " AND state IN ('queued', 'sealed')",
                (reason, queue_id, str(recipient)),
            )
            if not _set(connection, queue_id, recipient, State.HELD, _UNSENT):
                return False
            if report is not None:
                _append(writer, report)
            return True

        return await self._mail.write_with(job)

    async def release(self, queue_id: QueueId, recipient: Address) -> bool:
        """Queue a held item again; it is sealed anew, under the policy it always had."""

        def job(_writer: Writer, connection: sa.Connection) -> bool:
            connection.exec_driver_sql(
                "UPDATE outbox_recipient SET next_at = ?, reason = ''"
                " WHERE queue_id = ? AND recipient = ? AND state = 'held'",
                (int(self._now()), queue_id, str(recipient)),
            )
            return _set(connection, queue_id, recipient, State.QUEUED, (State.HELD,))

        return await self._mail.write_with(job)

    async def forget_settled(self, before: float) -> None:
        """Delete the rows of submissions accepted before then whose recipients are all settled."""

        def job(_writer: Writer, connection: sa.Connection) -> None:
            old = connection.exec_driver_sql(
                "SELECT queue_id FROM outbox WHERE body IS NULL AND created < ?", (int(before),)
            )
            for queue_id in old.scalars().all():
                for table in ("handed_over", "outbox_recipient", "outbox"):
                    connection.exec_driver_sql(
                        f"DELETE FROM {table} WHERE queue_id = ?",  # noqa: S608  # literals
                        (queue_id,),
                    )

        await self._mail.write_with(job)


def _append(writer: Writer, report: Report) -> None:
    writer.append(writer.mailbox(INBOX).id, report.octets, report.form, frozenset())


_UNSENT: Final = (State.QUEUED, State.SEALED)
_UNSETTLED: Final = (*_UNSENT, State.SENT, State.HELD)


def _accept_known(connection: sa.Connection, recipient: Address, now: int) -> None:
    """Accept whom the owner writes to, also if they were blocked.

    Who is not known yet is accepted when their keys are: see ``OutboxTable.seal``.
    """
    pin = connection.exec_driver_sql(
        "SELECT pin FROM contact WHERE address = ?", (str(recipient.canonical()),)
    ).scalar()
    if pin is not None:
        relation.accept(connection, Pin.decode(pin).pid, now)


def _set(
    connection: sa.Connection,
    queue_id: str,
    recipient: Address | str,
    to: State,
    allowed: tuple[State, ...],
) -> bool:
    """Compare and set; return whether the item was in an *allowed* state."""
    updated = connection.exec_driver_sql(
        "UPDATE outbox_recipient SET state = ? WHERE queue_id = ? AND recipient = ?"
        " AND state IN (SELECT value FROM json_each(?))",
        (to.value, queue_id, str(recipient), json.dumps([state.value for state in allowed])),
    )
    return bool(updated.rowcount)


def _drop_if_settled(connection: sa.Connection, bodies: BodyWriter, queue_id: str) -> None:
    """Let go of octets and parcels once every recipient is relayed or failed.

    Crash after the commit: files of dropped bodies are orphans, removed at the next open.
    """
    open_ones = connection.exec_driver_sql(
        "SELECT count(*) FROM outbox_recipient"
        " WHERE queue_id = ? AND state NOT IN ('relayed', 'failed')",
        (queue_id,),
    ).scalar_one()
    if open_ones:
        return
    dropped = connection.exec_driver_sql(
        "SELECT body FROM outbox WHERE queue_id = ? AND body IS NOT NULL"
        " UNION ALL SELECT body FROM sealed_body WHERE queue_id = ?",
        (queue_id, queue_id),
    ).scalars()
    bodies.drop([BodyId(body) for body in dropped.all()])
    connection.exec_driver_sql("UPDATE outbox SET body = NULL WHERE queue_id = ?", (queue_id,))
    connection.exec_driver_sql("DELETE FROM sealed_body WHERE queue_id = ?", (queue_id,))
    connection.exec_driver_sql("DELETE FROM parcel WHERE queue_id = ?", (queue_id,))
