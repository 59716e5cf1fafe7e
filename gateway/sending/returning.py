"""What left and cannot be opened where it went: heard of, queued again, or told.  spec/unreadable §4.

Whoever says so proves nothing but that some device wants the message sealed for what the passport
names now; that word is checked where the message is sealed, against a card asked for since.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from gateway.writing.note import unreadable_note
from mx_core.directory.sender_check import Recipient
from mx_core.mime.prepare import prepare
from mx_core.model.clock import Now
from mx_core.model.errors import Untrusted
from mx_core.model.ids import EnvId
from mx_core.passport.unreadable import SignedUnreadable
from mx_core.store.outbox.anew import Anew
from mx_core.store.outbox.outbox import OutboxTable
from mx_core.store.outbox.reader import OutboxItem
from mx_core.store.outbox.state import Report

log = structlog.get_logger()

_SPENT: Final = "no device of theirs opens it, although it was sealed anew three times"
_GONE: Final = "no device of theirs opens it, and its text is kept here no longer"


class Returning:
    """See the module."""

    def __init__(self, outbox: OutboxTable, wake: Callable[[], None], now: Now) -> None:
        """*wake* has the flow out look at what is due."""
        self._outbox = outbox
        self._wake = wake
        self._now = now

    async def hear(self, env_id: EnvId, signed: bytes) -> None:
        """Take the word *signed* that *env_id* cannot be opened; durable when this returns."""
        try:
            SignedUnreadable.decode(signed, env_id)
        except Untrusted as error:
            log.warning("unreadable_ignored", env_id=env_id.hex(), failure=error.failure)
            return
        what = await self._outbox.ask_anew(env_id, signed)
        log.info("unreadable_heard", env_id=env_id.hex(), what=what.name)
        if what is Anew.QUEUED:
            self._wake()
            return
        item = await self._outbox.by_env_id(env_id)
        if what is Anew.KNOWN or item is None:
            return
        reason = _SPENT if what is Anew.SPENT else _GONE
        octets = unreadable_note(
            item.sender, item.recipient, reason, item.created, int(self._now())
        )
        await self._outbox.cannot_be_read(env_id, reason, Report(octets, prepare(octets)))

    async def holds(self, item: OutboxItem, recipient: Recipient) -> bool:
        """Tell whether the word that asks for *item* is one of a device that *recipient* has now.

        If not, the item is what it was before.
        """
        try:
            SignedUnreadable.decode(item.asked).verify(recipient.state)
        except Untrusted as error:
            log.warning("unreadable_ignored", queue_id=item.queue_id, failure=error.failure)
            await self._outbox.leave_as_it_was(item.queue_id, item.recipient)
            return False
        return True
