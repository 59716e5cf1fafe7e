"""What was accepted stands in no mailbox yet: it enters Outbox in the next transaction of its flow.

Many enter together, one that came alone with the commit that seals it; nothing leaves before.
docs/spec/outbox.md §1.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace
from typing_extensions import override

from mx_core.db import failpoint
from mx_core.db.database import Database
from mx_core.mime.long_message import prepare_long
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.clock import Now
from mx_core.model.errors import MessageGone
from mx_core.model.ids import Pid, QueueId
from mx_core.model.mailbox_name import OUTBOX
from mx_core.model.message import MessageForm
from mx_core.model.octets import Octets
from mx_core.store.accepting.log import AcceptedLog
from mx_core.store.accepting.record import Accepted, decoded
from mx_core.store.bodies.body import BodyId
from mx_core.store.mail.mail import Mail
from mx_core.store.mail.writer import Writer
from mx_core.store.outbox import box as outbox_box
from mx_core.store.outbox import rows
from mx_core.store.outbox.reader import OutboxItem, address_of, items
from mx_core.store.outbox.wait import WaitingOutbox
from mx_core.store.people import relation

if TYPE_CHECKING:
    import sqlalchemy as sa

_SHOWN_AT_ONCE: Final = 32
_HELD_OCTETS_MAX: Final = 4 * 1024 * 1024
_LARGE_OCTETS: Final = 256 * 1024  # reading these would hold up the loop


class _Ready(Struct, frozen=True):
    """A submission to be shown: its octets, and what a mailbox keeps of them."""

    queue_id: QueueId
    octets: Octets
    form: MessageForm


class _New(Struct, frozen=True):
    """What was accepted and is not shown yet."""

    record: Accepted | None  # None: what an earlier process has left
    held: bool  # the record has the octets of the message
    at: int | None  # where in the log it is; None: in the database from the beginning


class ShowingOutbox(WaitingOutbox):
    """See the module."""

    def __init__(
        self, database: Database, folder: Path, mail: Mail, log: AcceptedLog, now: Now
    ) -> None:
        """*log* has nothing that the database does not know."""
        super().__init__(database, folder, mail, now)
        self.log = log
        mail.before_sent = self._note_new
        # accepted and not yet shown, oldest first
        self._new: dict[QueueId, _New] = {}
        self._held_octets = 0
        self._to_find = True  # what an earlier process has left
        self._finding = False

    def lone(self) -> QueueId | None:
        """Return what is new, if that is one submission alone."""
        if self._to_find or len(self._new) != 1:
            return None
        return next(iter(self._new))

    @override
    async def next_due(self) -> int | None:
        """As ``OutboxReader.next_due``; at once while something is not shown, whoever is about to."""
        return 0 if self._finding or self._new else await super().next_due()

    def is_looked_at(self) -> bool:
        """Tell whether a session has Outbox open, or follows all mailboxes."""
        return self._mail.is_looked_at(OUTBOX)

    async def show_new(self) -> int:
        """Put what was accepted into Outbox, some at a time; return how many that were.

        Only then is it due.  Crash before the commit: it is found and shown at the next start.
        """
        if self._to_find:
            self._to_find, self._finding = False, True
            try:
                found = await self._not_shown()
            finally:
                self._finding = False
            nothing = _New(None, held=False, at=None)
            left = {each: nothing for each in found if each not in self._new}
            self._new = left | self._new
        chosen = list(islice(self._new, _SHOWN_AT_ONCE))
        if not chosen:
            return 0
        ready = await self._ready(chosen)
        await self._mail.write_with(
            lambda writer, connection: self._show(writer, connection, ready)
        )
        self._were_shown(chosen)
        return len(chosen)

    async def _ready_if_new(self, queue_id: QueueId) -> list[_Ready]:
        """Return what a job of another kind shows first, if it is not shown yet."""
        return await self._ready([queue_id]) if queue_id in self._new else []

    async def _ready(self, chosen: Sequence[QueueId]) -> list[_Ready]:
        octets = {each: await self._octets_of(each) for each in chosen}

        def work() -> list[_Ready]:
            return [_Ready(each, text, _form(text)) for each, text in octets.items()]

        small = sum(map(len, octets.values())) < _LARGE_OCTETS
        return work() if small else await asyncio.to_thread(work)

    def _show(self, writer: Writer, connection: sa.Connection, ready: Sequence[_Ready]) -> None:
        """Let *ready* stand in Outbox, unless it does already; accept whom the owner writes to."""
        if not ready:
            return
        self._note(connection, [each.queue_id for each in ready])
        there = connection.exec_driver_sql(
            "SELECT queue_id, body FROM outbox WHERE shown = 0 AND body IS NOT NULL"
            " AND queue_id IN (SELECT value FROM json_each(?))",
            (json.dumps([each.queue_id for each in ready]),),
        ).all()
        bodies = {each: BodyId(body) for each, body in there}
        entering = [
            outbox_box.Entering(each.queue_id, bodies[each.queue_id], each.octets, each.form)
            for each in ready
            if each.queue_id in bodies  # and was not given up meanwhile
        ]
        if not entering:
            return
        outbox_box.enter(writer, connection, entering)
        recipients = connection.exec_driver_sql(
            "SELECT DISTINCT recipient FROM outbox_recipient"
            " WHERE queue_id IN (SELECT value FROM json_each(?))",
            (json.dumps([each.queue_id for each in entering]),),
        ).scalars()
        for recipient in recipients.all():
            accept_known(connection, address_of(recipient), int(self._now()))

    def _keep(self, record: Accepted, at: int | None) -> None:
        """Remember what was accepted just now; *at*: where in the log it is."""
        held = 0 < len(record.octets) <= _HELD_OCTETS_MAX - self._held_octets
        if held:
            self._held_octets += len(record.octets)
        else:
            record = replace(record, octets=b"")
        self._new[QueueId(record.queue_id)] = _New(record, held, at)

    def _were_shown(self, chosen: Sequence[QueueId]) -> None:
        if not chosen:
            return
        failpoint.reach("shown")
        # another call may have shown it meanwhile, and has then let go of it
        gone = [new for each in chosen if (new := self._new.pop(each, None)) is not None]
        self._held_octets -= sum(len(new.record.octets) for new in gone if new.record is not None)
        self.log.done(sum(new.at is not None for new in gone))

    def _note_new(self, connection: sa.Connection) -> None:
        """Note in the database what only the log has; within a job."""
        self._note(connection, list(self._new))

    def _note(self, connection: sa.Connection, chosen: Sequence[QueueId]) -> None:
        of_log = {
            each: new for each in chosen if (new := self._new.get(each)) and new.at is not None
        }
        # What was noted is not read from the log: an earlier job may have shown it, and the loop, which
        # has not let go of it yet when this begins, may do so at any time; then something else stands there.
        left = rows.unknown(connection, list(of_log)) if of_log else []
        rows.note_new(
            connection, self._folder, [self._whole(of_log[QueueId(each)]) for each in left]
        )

    def _whole(self, new: _New) -> Accepted:
        """Return the record with its octets."""
        assert new.record is not None  # noqa: S101  # the log has it
        assert new.at is not None  # noqa: S101
        return new.record if new.held else decoded(self.log.read(new.at))

    async def note(self) -> None:
        """Have in the database all that was accepted; whoever asks it for what waits comes after."""
        if any(new.at is not None for new in self._new.values()):
            await self._database.write(self._note_new)

    async def _octets_of(self, queue_id: QueueId) -> Octets:
        """Return what was submitted, b"" if it was given up meanwhile: then it is not shown."""
        try:
            return await self.content(queue_id)
        except MessageGone:
            return b""

    @override
    async def octets(self, queue_id: QueueId) -> bytes:
        """As ``OutboxReader.octets``; at once for what was accepted a moment ago."""
        kept = self._kept(queue_id)
        return await super().octets(queue_id) if kept is None else kept

    @override
    async def content(self, queue_id: QueueId) -> Octets:
        """As ``OutboxReader.content``; at once for what was accepted a moment ago."""
        kept = self._kept(queue_id)
        return await super().content(queue_id) if kept is None else kept

    def _kept(self, queue_id: QueueId) -> bytes | None:
        new = self._new.get(queue_id)
        if new is None or new.record is None:
            return None
        if new.held:
            return new.record.octets
        return None if new.at is None else self._whole(new).octets

    @override
    async def due(
        self, now: float, limit: int, *, with_new: QueueId | None = None
    ) -> list[OutboxItem]:
        """As ``OutboxReader.due``; *with_new* may be in the log alone."""
        new = None if with_new is None else self._new.get(with_new)
        if new is None or new.record is None or new.at is None:
            return await super().due(now, limit, with_new=with_new)
        listed = await super().due(now, limit)
        # if somebody has noted it meanwhile, and it was given up, what seals it finds that out
        return [*listed, *(each for each in items(new.record) if each.next_at <= now)][:limit]

    @override
    async def unsettled(self, limit: int = 1_000) -> list[OutboxItem]:
        """As ``OutboxReader.unsettled``."""
        await self.note()
        return await super().unsettled(limit)

    @override
    async def item(self, queue_id: QueueId, recipient: Address) -> OutboxItem | None:
        """As ``OutboxReader.item``."""
        await self.note()
        return await super().item(queue_id, recipient)

    @override
    async def knows(self, queue_id: QueueId) -> bool:
        """As ``OutboxReader.knows``."""
        return queue_id in self._new or await super().knows(queue_id)

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


def accept_known(connection: sa.Connection, recipient: Address, now: int) -> None:
    """Accept whom the owner writes to, also if they were blocked.

    Who is not known yet is accepted when their keys are: see ``OutboxTable.seal``.
    """
    pid = connection.exec_driver_sql(
        "SELECT pid FROM contact WHERE address = ?", (str(recipient.canonical()),)
    ).scalar()
    if pid is not None:
        relation.accept(connection, Pid(pid), now)


def _form(octets: Octets) -> MessageForm:
    return prepare(octets) if isinstance(octets, bytes) else prepare_long(octets)
