"""Wakes whoever waits for a mailbox, within the loop turn in which a commit is announced.

Owns no data: a wake-up says "look again", never what there is; a missed look is impossible
because a waiter looks after it has begun to listen.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Arrivals:
    """One event for each open stream; all on the event loop."""

    def __init__(self) -> None:
        self._waiting: defaultdict[int, set[asyncio.Event]] = defaultdict(set)
        self._tell: Callable[[int], None] | None = None

    def tell_others(self, tell: Callable[[int], None]) -> None:
        """Have *tell* called with every mailbox announced here: other processes hear of it."""
        self._tell = tell

    def announce(self, mailbox_id: int) -> None:
        """Wake every stream of the mailbox; call after the commit."""
        self.heard(mailbox_id)
        if self._tell is not None:
            self._tell(mailbox_id)

    def announce_all(self) -> None:
        """Wake every stream: something may have been missed."""
        for mailbox_id in list(self._waiting):
            self.heard(mailbox_id)

    def heard(self, mailbox_id: int) -> None:
        """Wake every stream of the mailbox here, because another process has announced it."""
        for event in self._waiting.get(mailbox_id, ()):
            event.set()

    @contextmanager
    def listen(self, mailbox_id: int) -> Iterator[asyncio.Event]:
        """Give an event that is set by every announcement for the mailbox; the listener clears it."""
        event = asyncio.Event()
        self._waiting[mailbox_id].add(event)
        try:
            yield event
        finally:
            self._waiting[mailbox_id].discard(event)
            if not self._waiting[mailbox_id]:
                del self._waiting[mailbox_id]
