"""Who is told of changes: bounded queues, one for each watch, filled after the commit.

Everything here runs on the event loop.  A watch that overflows forgets what it holds and
says so once.  Sessions see their own mailbox by ``live``; watches are for all others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from mx_core.model.change import Change, FlagsChanged, MessagesAdded, MessagesExpunged, News
from mx_core.model.errors import Busy
from mx_core.model.ids import MailboxId

_OF_MESSAGES: Final = (MessagesAdded, FlagsChanged, MessagesExpunged)
_WEIGHT_MAX: Final = 100_000  # changes and the UIDs in them, of one watch


class BoundedWatch:
    """See ``ports.Watch``."""

    def __init__(self) -> None:
        self._waiting: list[News] = []
        self._weight = 0
        self._overflown = False
        self._something = asyncio.Event()

    def take(self) -> list[News]:
        """Return and forget what has come; never blocks; raises Busy after an overflow."""
        self._something.clear()
        taken, self._waiting, self._weight = self._waiting, [], 0
        if self._overflown:
            self._overflown = False
            raise Busy("more changed than the session could follow")
        return taken

    async def wait(self) -> None:
        """Return when ``take`` would give something."""
        await self._something.wait()

    def tell(self, change: News) -> None:
        """Add *change*, or give up following."""
        self._something.set()
        if self._overflown:
            return
        self._weight += 1 + (len(change.uids) if isinstance(change, _OF_MESSAGES) else 0)
        self._waiting.append(change)
        if self._weight > _WEIGHT_MAX:
            self._waiting, self._weight, self._overflown = [], 0, True


class Watches:
    """All watches of one account."""

    def __init__(self) -> None:
        self._open: dict[MailboxId | None, list[BoundedWatch]] = {}

    @contextmanager
    def open(self, mailbox: MailboxId | None) -> Iterator[BoundedWatch]:
        """Follow *mailbox* (None: all, and names) until the block ends."""
        watch = BoundedWatch()
        self._open.setdefault(mailbox, []).append(watch)
        try:
            yield watch
        finally:
            self._open[mailbox].remove(watch)
            if not self._open[mailbox]:
                del self._open[mailbox]

    def any(self, mailbox: MailboxId) -> bool:
        """Tell whether there is one that would hear of *mailbox*."""
        return mailbox in self._open or None in self._open

    def announce(self, changes: Sequence[Change], names: Sequence[News] = ()) -> None:
        """Tell everybody; called once for each commit's job, in commit order."""
        for change in changes:
            for watch in self._open.get(change.mailbox, ()):
                watch.tell(change)
        for watch in self._open.get(None, ()):
            for news in (*names, *changes):
                watch.tell(news)
