"""While one message comes hard upon the other, what was accepted waits to leave: somebody waits.

A lone message leaves at once.  In a burst each step of the flow out would stand in the way of the
next message that a mail program waits to have accepted, and costs several times what it costs when
many leave together; nobody waits for the second of a burst to leave while the third is written.
Nothing here is durable, nor needs to be: what was accepted is found at the next start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

HARD_UPON_SECONDS: Final = 0.025  # from one 250 to the next recipient; a person's are further apart
PAUSE_SECONDS: Final = 0.1
LONGEST_SECONDS: Final = 10.0  # however many come


class Burst:
    """Of one account; *wake* lets its flow out look again."""

    def __init__(
        self,
        wake: Callable[[], None],
        loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.get_running_loop,
    ) -> None:
        self._wake = wake
        self._loop = loop
        self._accepted_at = float("-inf")
        self._since = 0.0
        self._pause: asyncio.TimerHandle | None = None  # while one goes on: until it is over
        self._over = asyncio.Event()
        self._over.set()

    async def over(self) -> None:
        """Return when none goes on, or it has lasted for too long."""
        await self._over.wait()

    def coming(self) -> None:
        """Note that a message is being submitted: a recipient was named."""
        now = self._loop().time()
        if self._goes_on_with(now):
            self._last(now)

    def accepted(self) -> None:
        """Note that one was; the flow out looks now, or when the burst is over."""
        now = self._loop().time()
        goes_on = self._goes_on_with(now)
        self._accepted_at = now
        if goes_on:
            self._last(now)
        else:
            self._wake()

    def _goes_on_with(self, now: float) -> bool:
        return self._pause is not None or now - self._accepted_at < HARD_UPON_SECONDS

    def _last(self, now: float) -> None:
        """Let the burst last until nothing has come for a while."""
        if self._pause is None:
            self._since = now
            self._over.clear()
        else:
            self._pause.cancel()
        self._pause = self._loop().call_later(PAUSE_SECONDS, self._paused)
        if now - self._since >= LONGEST_SECONDS and not self._over.is_set():
            self._let_go()

    def _paused(self) -> None:
        self._pause = None
        self._let_go()

    def _let_go(self) -> None:
        self._over.set()
        self._wake()
