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
from mx_core.store.bodies.body import BodyId
from mx_core.store.mail.mail import Mail
from mx_core.store.mail.writer import Writer
from mx_core.store.outbox import box as outbox_box
from mx_core.store.outbox.reader import address_of
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


class ShowingOutbox(WaitingOutbox):
    """See the module."""

    def __init__(self, database: Database, folder: Path, mail: Mail, now: Now) -> None:
        super().__init__(database, folder, mail, now)
        # accepted and not yet shown, oldest first; with their octets while there is room for them
        self._new: dict[QueueId, bytes | None] = {}
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
            left: dict[QueueId, bytes | None] = {
                each: None for each in found if each not in self._new
            }
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
        rows = connection.exec_driver_sql(
            "SELECT queue_id, body FROM outbox WHERE shown = 0 AND body IS NOT NULL"
            " AND queue_id IN (SELECT value FROM json_each(?))",
            (json.dumps([each.queue_id for each in ready]),),
        ).all()
        bodies = {each: BodyId(body) for each, body in rows}
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

    def _keep(self, queue_id: QueueId, octets: bytes | None) -> None:
        """Remember what was accepted just now; None: it is not here, because it is long."""
        room = octets is not None and self._held_octets + len(octets) <= _HELD_OCTETS_MAX
        self._new[queue_id] = octets if room else None
        self._held_octets += len(octets) if room and octets is not None else 0

    def _were_shown(self, chosen: Sequence[QueueId]) -> None:
        if not chosen:
            return
        failpoint.reach("shown")
        for queue_id in chosen:
            # another call may have shown it meanwhile, and has then let go of it
            self._held_octets -= len(self._new.pop(queue_id, None) or b"")

    async def _octets_of(self, queue_id: QueueId) -> Octets:
        """Return what was submitted, b"" if it was given up meanwhile: then it is not shown."""
        try:
            return await self.content(queue_id)
        except MessageGone:
            return b""

    @override
    async def octets(self, queue_id: QueueId) -> bytes:
        """As ``OutboxReader.octets``; at once for what was accepted a moment ago."""
        kept = self._new.get(queue_id)
        return await super().octets(queue_id) if kept is None else kept

    @override
    async def content(self, queue_id: QueueId) -> Octets:
        """As ``OutboxReader.content``; at once for what was accepted a moment ago."""
        kept = self._new.get(queue_id)
        return await super().content(queue_id) if kept is None else kept

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
