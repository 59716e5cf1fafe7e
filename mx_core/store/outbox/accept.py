"""The way into the outbox: durable before anybody is told yes.

Accepting writes as little as can be, because a mail program waits for it: a record of a log.  Rows, and what
a mail program looks at, are written right after (``show``), and nothing leaves before.  docs/spec/outbox.md §1.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from mx_core.db import failpoint
from mx_core.model.address import Address
from mx_core.model.ids import QueueId
from mx_core.model.message import MessageForm, Submission
from mx_core.store.accepting import record as accepted_record
from mx_core.store.accepting.record import Accepted
from mx_core.store.bodies.body import INLINE_OCTETS_MAX, BodyWriter, remove_files
from mx_core.store.bodies.long import LongBody
from mx_core.store.mail.writer import Writer
from mx_core.store.outbox import box as outbox_box
from mx_core.store.outbox import rows, sent_copy
from mx_core.store.outbox.show import ShowingOutbox, accept_known
from mx_core.store.outbox.state import Report, tell

if TYPE_CHECKING:
    import sqlalchemy as sa

_MSG_ID_OCTETS: Final = 16
_QUEUE_ID_OCTETS: Final = 5  # behind ten digits of time
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
        frozen = asked or {}
        record = self._record(submission, given, message_id, frozen)
        octets = accepted_record.encoded(record) if self._is_short(submission, frozen) else b""
        if octets and self.log.has_room(len(octets)):
            # Crash before this returns: nothing was confirmed; the mail program sends it again.
            await self.log.add(octets, lambda at: self._keep(record, at))
        else:
            await self._accept_at_once(submission, record, frozen)
        # Crash here: durable and not confirmed; the mail program sends it again, as SMTP has it.
        failpoint.reach("committed")
        return given

    def _is_short(self, submission: Submission, asked: Mapping[Address, Asked]) -> bool:
        """Tell whether the log takes it: octets that stand in a row, and nobody is to be told."""
        short = submission.long is None and len(submission.octets) <= INLINE_OCTETS_MAX
        return short and not any(each.held for each in asked.values())

    async def _accept_at_once(
        self, submission: Submission, record: Accepted, asked: Mapping[Address, Asked]
    ) -> None:
        """Note it in the database before anybody is told yes."""
        long = submission.long
        # Crash after this: a file that no row names, removed at the next open.
        file = await asyncio.to_thread(long.finish) if isinstance(long, LongBody) else None

        def job(connection: sa.Connection) -> None:
            bodies = BodyWriter(connection, self._folder)
            try:
                body = bodies.add(submission.octets) if file is None else bodies.adopt(file)
                rows.note(connection, record, body, _held(asked), shown=False)
            except BaseException:
                remove_files(self._folder, bodies.written)
                raise
            # a mail program may put its own copy into Sent before this one is shown
            sent_copy.expect(connection, record.queue_id, record.message_id)

        await self._database.write(job)
        if isinstance(long, LongBody):
            long.taken()
        self._keep(record if file is None else replace(record, octets=b""), None)

    def _record(
        self,
        submission: Submission,
        queue_id: QueueId,
        message_id: bytes,
        asked: Mapping[Address, Asked],
    ) -> Accepted:
        decided = {who: asked.get(who, _AS_EVER) for who in submission.recipients}
        return accepted_record.accepted(
            submission,
            queue_id,
            message_id,
            created=int(self._now()),
            decided={who: (each.policy, each.decision) for who, each in decided.items()},
            msg_ids={who: secrets.token_bytes(_MSG_ID_OCTETS) for who in decided},
        )

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
        message_id = b"" if form is None else form.message_id
        record = self._record(submission, given, message_id, asked or {})

        def job(writer: Writer, connection: sa.Connection) -> None:
            body = writer.bodies.add(submission.octets)
            rows.note(connection, record, body, _held(asked or {}), shown=True)
            for recipient in submission.recipients:
                accept_known(connection, recipient, int(self._now()))
                frozen = (asked or {}).get(recipient, _AS_EVER)
                if frozen.report is not None:
                    tell(writer, frozen.report)
            if form is not None:
                sent_copy.expect(connection, given, message_id)
                outbox_box.enter(
                    writer, connection, [outbox_box.Entering(given, body, submission.octets, form)]
                )

        await self._mail.write_with(job)
        failpoint.reach("committed")
        return given


def _held(asked: Mapping[Address, Asked]) -> dict[str, str]:
    return {str(who): each.held for who, each in asked.items() if each.held}


def new_queue_id(now: float) -> QueueId:
    """Return one that was never given; they rise with *now*, so that rows lie together."""
    return QueueId(f"{int(now * 1000) % (1 << 40):010x}{secrets.token_hex(_QUEUE_ID_OCTETS)}")
