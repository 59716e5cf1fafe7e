"""How long nobody has done anything with this gateway, and the lock that follows.  spec/unlock §3.

Somebody is a mail program that logs in, lists, fetches or hands over a message; a form of the page; a
command that asks for more than ``status``.  An open connection that waits for news is nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Final, final

from mx_core.model.errors import Refused

_LOOK_SECONDS: Final = 30.0  # a computer that slept has not counted the seconds of a wait


def awake_and_asleep() -> float:
    """Return seconds that no change of the clock moves, and that go on while the computer sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@final
class Idleness:
    """Of one gateway.  Owner: its event loop."""

    def __init__(
        self,
        now: Callable[[], float] = awake_and_asleep,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Somebody is here at the start; *now*: seconds, of which only differences count."""
        self._now = now
        self._sleep = sleep
        self._heard = now()

    def hear(self) -> None:
        """Note that somebody does something."""
        self._heard = self._now()

    def left(self, seconds: float) -> float:
        """Return how many of *seconds* without anybody are left; 0 or less: none."""
        return self._heard + seconds - self._now()

    async def lock_after(self, seconds: float, lock: Callable[[], Awaitable[None]]) -> None:
        """Call *lock* once nobody has done anything for *seconds*."""
        self.hear()
        while (left := self.left(seconds)) > 0:
            await self._sleep(min(left, _LOOK_SECONDS))
        with contextlib.suppress(Refused):  # somebody has, at this moment
            await lock()
