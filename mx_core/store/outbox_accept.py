"""The way into the outbox: durable before anybody is told yes, then shown in a mailbox.

Accepting writes as little as can be, because a mail program waits for it; what a mail program looks
at is written right after, for several submissions at a time, and nothing leaves before.
docs/spec/outbox.md §1.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from mx_core.db import failpoint
from mx_core.db.database import Database
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import MessageGone
from mx_core.model.ids import MsgId, QueueId
from mx_core.model.message import MessageForm, Submission
from mx_core.model.notify import AS_USUAL
from mx_core.store import outbox_box, relation, sent_copy
from mx_core.store.body import BodyId, BodyWriter, remove_files
from mx_core.store.mail import Mail
from mx_core.store.outbox_reader import State, address_of
from mx_core.store.outbox_state import Report, tell
from mx_core.store.outbox_wait import WaitingOutbox
from mx_core.store.writer import Writer
from mx_core.trust.pin import Pin

_MSG_ID_OCTETS: Final = 16
_QUEUE_ID_OCTETS: Final = 5  # behind ten digits of time
_SHOWN_AT_ONCE: Final = 32
_HELD_OCTETS_MAX: Final = 4 * 1024 * 1024
_LARGE_OCTETS: Final = 256 * 1024  # reading these would hold up the loop
NATIVE: Final = "native"  # the policy that only ever leaves end-to-end encrypted


@dataclass(frozen=True, slots=True)
class Asked:
    """What was decided for one recipient when the submission was accepted; frozen with it.

    *held* is the reason why it waits for a person, and *report* tells them; "" and None: it does
    not.
    """

    policy: str = NATIVE
    decision: str = ""
    held: str = ""
    report: Report | None = None


_AS_EVER: Final = Asked()


class AcceptingOutbox(WaitingOutbox):
    """See the module."""

    def __init__(self, database: Database, folder: Path, mail: Mail, now: Now) -> None:
        super().__init__(database, folder, mail, now)
        # accepted and not yet shown, oldest first; with their octets while there is room for them
        self._new: dict[QueueId, bytes | None] = {}
        self._held_octets = 0
        self._to_find = True  # what an earlier process has left

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

        def job(connection: sa.Connection) -> None:
            bodies = BodyWriter(connection, self._folder)
            try:
                body = bodies.add(submission.octets)
                self._note(connection, given, submission, body, asked or {}, shown=False)
            except BaseException:
                remove_files(self._folder, bodies.written)
                raise
            # a mail program may put its own copy into Sent before this one is shown
            sent_copy.expect(connection, given, message_id)

        await self._database.write(job)
        # Crash here: durable and not confirmed; the mail program sends it again, as SMTP has it.
        failpoint.reach("committed")
        room = self._held_octets + len(submission.octets) <= _HELD_OCTETS_MAX
        self._new[given] = submission.octets if room else None
        self._held_octets += len(submission.octets) if room else 0
        return given

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
                _accept_known(connection, recipient, int(self._now()))
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

    async def show_new(self) -> int:
        """Put what was accepted into Outbox, some at a time; return how many that were.

        Only then is it due.  Crash before the commit: it is found and shown at the next start.
        """
        if self._to_find:
            self._to_find = False
            found = await self._not_shown()
            left: dict[QueueId, bytes | None] = {
                each: None for each in found if each not in self._new
            }
            self._new = left | self._new
        chosen = dict(islice(self._new.items(), _SHOWN_AT_ONCE))
        if not chosen:
            return 0
        octets = {each: await self._octets_of(each, kept) for each, kept in chosen.items()}
        forms = await _forms(octets)

        def job(writer: Writer, connection: sa.Connection) -> None:
            rows = connection.exec_driver_sql(
                "SELECT queue_id, body FROM outbox WHERE shown = 0 AND body IS NOT NULL"
                " AND queue_id IN (SELECT value FROM json_each(?))",
                (json.dumps(list(chosen)),),
            ).all()
            bodies = {each: BodyId(body) for each, body in rows}
            entering = [
                outbox_box.Entering(each, bodies[each], octets[each], forms[each])
                for each in chosen
                if each in bodies  # and was not given up meanwhile
            ]
            if entering:
                outbox_box.enter(writer, connection, entering)
            recipients = connection.exec_driver_sql(
                "SELECT DISTINCT recipient FROM outbox_recipient"
                " WHERE queue_id IN (SELECT value FROM json_each(?))",
                (json.dumps([each.queue_id for each in entering]),),
            ).scalars()
            for recipient in recipients.all():
                _accept_known(connection, address_of(recipient), int(self._now()))

        await self._mail.write_with(job)
        failpoint.reach("shown")
        for queue_id in chosen:
            # another call may have shown it meanwhile, and has then let go of it
            self._held_octets -= len(self._new.pop(queue_id, None) or b"")
        return len(chosen)

    async def _octets_of(self, queue_id: QueueId, kept: bytes | None) -> bytes:
        """Return what was submitted, b"" if it was given up meanwhile: then it is not shown."""
        if kept is not None:
            return kept
        try:
            return await self.octets(queue_id)
        except MessageGone:
            return b""

    async def _not_shown(self) -> list[QueueId]:
        return await self._database.read(
            lambda connection: [
                QueueId(each)
                for each in connection.exec_driver_sql(
                    "SELECT queue_id FROM outbox WHERE shown = 0 AND body IS NOT NULL"
                    " ORDER BY created, queue_id"
                ).scalars()
            ]
        )

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
                len(submission.octets),
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
                )
            )
        connection.exec_driver_sql(
            "INSERT INTO outbox_recipient VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, '', ?, ?, 0, ?)",
            rows,
        )


def new_queue_id(now: float) -> QueueId:
    """Return one that was never given; they rise with *now*, so that rows lie together."""
    return QueueId(f"{int(now * 1000) % (1 << 40):010x}{secrets.token_hex(_QUEUE_ID_OCTETS)}")


def _accept_known(connection: sa.Connection, recipient: Address, now: int) -> None:
    """Accept whom the owner writes to, also if they were blocked.

    Who is not known yet is accepted when their keys are: see ``OutboxTable.seal``.
    """
    pin = connection.exec_driver_sql(
        "SELECT pin FROM contact WHERE address = ?", (str(recipient.canonical()),)
    ).scalar()
    if pin is not None:
        relation.accept(connection, Pin.decode(pin).pid, now)


async def _forms(octets: Mapping[QueueId, bytes]) -> dict[QueueId, MessageForm]:
    def work() -> dict[QueueId, MessageForm]:
        return {queue_id: prepare(each) for queue_id, each in octets.items()}

    small = sum(map(len, octets.values())) < _LARGE_OCTETS
    return work() if small else await asyncio.to_thread(work)
