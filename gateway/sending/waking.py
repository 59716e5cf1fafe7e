"""When the flow out is told that something was accepted: at once, or when many have come.

A lone message leaves at once.  While one comes hard upon the other, each step of the flow out
would stand in the way of the next that somebody waits to have accepted; what was accepted leaves
a little later then, and shares its commits.  Nothing here is durable, nor needs to be: what was
never told of is found at the next start, and with whatever is accepted next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

HARD_UPON_SECONDS: Final = 0.025  # between the ends of two messages; a person's are further apart
PAUSE_SECONDS: Final = 0.03
LONGEST_SECONDS: Final = 1.0  # however many come


class Waking:
    """See the module."""

    def __init__(
        self,
        wake: Callable[[], None],
        loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.get_running_loop,
    ) -> None:
        self._wake = wake
        self._loop = loop
        self._last = float("-inf")
        self._put_off_since = 0.0
        self._later: asyncio.TimerHandle | None = None

    def accepted(self) -> None:
        """Wake the flow out now or soon."""
        loop = self._loop()
        now = loop.time()
        hard_upon = now - self._last < HARD_UPON_SECONDS
        self._last = now
        if self._later is None:
            self._put_off_since = now
        else:
            self._later.cancel()
            self._later = None
        if not hard_upon or now - self._put_off_since >= LONGEST_SECONDS:
            self._wake()
        else:
            self._later = loop.call_later(PAUSE_SECONDS, self._paused)

    def _paused(self) -> None:
        self._later = None
        self._wake()
