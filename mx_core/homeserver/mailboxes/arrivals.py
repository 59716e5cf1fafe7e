"""Wakes whoever waits for a mailbox, within the loop turn in which a commit is announced.

Owns no data: a wake-up says "look again", never what there is; a missed look is impossible
because a waiter looks after it has begun to listen.  What a waiter is made of is there once for
each connected device.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Listening:
    """Whether a mailbox was announced since the last ``clear``; a context, for one who waits."""

    __slots__ = ("_listening", "_mailbox_id", "_set", "_woken")

    def __init__(self, listening: dict[int, tuple[Listening, ...]], mailbox_id: int) -> None:
        self._listening = listening
        self._mailbox_id = mailbox_id
        self._set = False
        self._woken: asyncio.Future[None] | None = None

    def __enter__(self) -> Self:
        self._listening[self._mailbox_id] = (*self._listening.get(self._mailbox_id, ()), self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        others = tuple(one for one in self._listening[self._mailbox_id] if one is not self)
        if others:
            self._listening[self._mailbox_id] = others
        else:
            del self._listening[self._mailbox_id]

    def is_set(self) -> bool:
        """Tell whether there is something to look for."""
        return self._set

    def set(self) -> None:
        """Wake the waiter, now or as soon as it waits."""
        self._set = True
        _wake(self._woken)

    def clear(self) -> None:
        """Begin anew; who clears looks afterwards."""
        self._set = False

    async def wait(self, seconds: float) -> bool:
        """Return True once it is set, or False after *seconds*."""
        if self._set:
            return True
        loop = asyncio.get_running_loop()
        self._woken = loop.create_future()
        late = loop.call_later(seconds, _wake, self._woken)
        try:
            await self._woken
        finally:
            late.cancel()
            self._woken = None
        return self._set


def _wake(woken: asyncio.Future[None] | None) -> None:
    if woken is not None and not woken.done():
        woken.set_result(None)


class Arrivals:
    """One listener for each open stream; all on the event loop."""

    def __init__(self) -> None:
        self._listening: dict[int, tuple[Listening, ...]] = {}
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
        for mailbox_id in list(self._listening):
            self.heard(mailbox_id)

    def heard(self, mailbox_id: int) -> None:
        """Wake every stream of the mailbox here, because another process has announced it."""
        for one in self._listening.get(mailbox_id, ()):
            one.set()

    def listen(self, mailbox_id: int) -> Listening:
        """Return a context that every announcement for the mailbox sets; the listener clears it."""
        return Listening(self._listening, mailbox_id)
