"""The way into the outbox: durable before anybody is told yes.

Accepting writes as little as can be, because a mail program waits for it; what a mail program looks
at is written right after (``show``), and nothing leaves before.  docs/spec/outbox.md §1.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mx_core.db import failpoint
from mx_core.model.address import Address
from mx_core.model.ids import MsgId, QueueId
from mx_core.model.message import MessageForm, Submission
from mx_core.model.notify import AS_USUAL
from mx_core.store.bodies.body import BodyId, BodyWriter, remove_files
from mx_core.store.bodies.long import LongBody
from mx_core.store.mail.writer import Writer
from mx_core.store.outbox import box as outbox_box
from mx_core.store.outbox import sent_copy
from mx_core.store.outbox.reader import State
from mx_core.store.outbox.show import ShowingOutbox, accept_known
from mx_core.store.outbox.state import Report, tell

if TYPE_CHECKING:
    import sqlalchemy as sa

_MSG_ID_OCTETS: Final = 16
_QUEUE_ID_OCTETS: Final = 5  # behind ten digits of time
_SHOWN_AT_ONCE: Final = 32
_HELD_OCTETS_MAX: Final = 4 * 1024 * 1024
_LARGE_OCTETS: Final = 256 * 1024  # reading these would hold up the loop
NATIVE: Final = "native"  # the policy that only ever leaves end-to-end encrypted


class Asked(Struct, frozen=True):
    """What was decided for one recipient when the submission was accepted; frozen with it.

    *held* is the reason why it waits for a person, and *report* tells them; "" and None: it does
    not.
    """

    policy: str = NATIVE
    decision: str = ""
    held: str = ""
    report: Report | None = None


_AS_EVER: Final = Asked()


class AcceptingOutbox(ShowingOutbox):
    """See the module."""

    async def accept(
        self,
        submission: Submission,
        *,
        message_id: bytes,
        asked: Mapping[Address, Asked] | None = None,
        queue_id: QueueId | None = None,
    ) -> QueueId:
        """Return once the submission is durable; each recipient gets its msg_id here.

        A recipient that *asked* does not name goes end-to-end encrypted or not at all.
        Nothing of it leaves, and no mailbox has it, before ``show_new``; that so little is
        written here is what a mail program does not have to wait for.  *message_id* is without
        brackets; *queue_id* is a new one.

        Raises:
            DiskFull: Nothing was taken.
        """
        given = queue_id or new_queue_id(self._now())
        long = submission.long
        # Crash after this: a file that no row names, removed at the next open.
        file = await asyncio.to_thread(long.finish) if isinstance(long, LongBody) else None

        def job(connection: sa.Connection) -> None:
            bodies = BodyWriter(connection, self._folder)
            try:
                body = bodies.add(submission.octets) if file is None else bodies.adopt(file)
                self._note(connection, given, submission, body, asked or {}, shown=False)
            except BaseException:
                remove_files(self._folder, bodies.written)
                raise
            # a mail program may put its own copy into Sent before this one is shown
            sent_copy.expect(connection, given, message_id)

        await self._database.write(job)
        # Crash here: durable and not confirmed; the mail program sends it again, as SMTP has it.
        failpoint.reach("committed")
        if isinstance(long, LongBody):
            long.taken()
        self._keep(given, submission.octets if file is None else None)
        return given

    def begin_long(self) -> LongBody:
        """Return where a message goes that is too long for memory; raises DiskFull."""
        return LongBody(self._folder)

    async def enqueue(
        self,
        submission: Submission,
        *,
        asked: Mapping[Address, Asked] | None = None,
        form: MessageForm | None = None,
        queue_id: QueueId | None = None,
    ) -> QueueId:
        """As ``accept`` and ``show_new`` in one; without a *form* no mailbox shows it."""
        given = queue_id or new_queue_id(self._now())

        def job(writer: Writer, connection: sa.Connection) -> None:
            body = writer.bodies.add(submission.octets)
            self._note(connection, given, submission, body, asked or {}, shown=True)
            for recipient in submission.recipients:
                accept_known(connection, recipient, int(self._now()))
                frozen = (asked or {}).get(recipient, _AS_EVER)
                if frozen.report is not None:
                    tell(writer, frozen.report)
            if form is not None:
                sent_copy.expect(connection, given, form.message_id)
                outbox_box.enter(
                    writer, connection, [outbox_box.Entering(given, body, submission.octets, form)]
                )

        await self._mail.write_with(job)
        failpoint.reach("committed")
        return given

    def _note(
        self,
        connection: sa.Connection,
        queue_id: QueueId,
        submission: Submission,
        body: BodyId,
        asked: Mapping[Address, Asked],
        *,
        shown: bool,
    ) -> None:
        now = int(self._now())
        connection.exec_driver_sql(
            "INSERT INTO outbox"
            " (queue_id, sender, created, size, body, envid, return_full, shown, not_before)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                queue_id,
                str(submission.sender),
                now,
                submission.size,
                body,
                submission.envid,
                submission.return_full,
                shown,
                submission.not_before,
            ),
        )
        rows = []
        for place, recipient in enumerate(submission.recipients):
            frozen = asked.get(recipient, _AS_EVER)
            wanted = submission.wanted.get(recipient, AS_USUAL)
            rows.append(
                (
                    queue_id,
                    place,
                    str(recipient),
                    recipient in submission.hidden,
                    MsgId(secrets.token_bytes(_MSG_ID_OCTETS)),
                    frozen.policy,
                    (State.HELD if frozen.held else State.QUEUED).value,
                    max(now, submission.not_before),
                    frozen.held,
                    wanted.spelt(),
                    wanted.original,
                    frozen.decision,
                    shown,
                )
            )
        connection.exec_driver_sql(
            "INSERT INTO outbox_recipient"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, '', ?, ?, 0, ?, NULL, 0, 0, 0, ?)",
            rows,
        )


def new_queue_id(now: float) -> QueueId:
    """Return one that was never given; they rise with *now*, so that rows lie together."""
    return QueueId(f"{int(now * 1000) % (1 << 40):010x}{secrets.token_hex(_QUEUE_ID_OCTETS)}")
