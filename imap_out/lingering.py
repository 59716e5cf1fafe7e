"""The loop looks again for a moment before it sleeps: for clients that speak at once.  ADR 0057.

To sleep costs the next command what waking costs, some 40 µs of a machine's, which is more than
most commands take.  A client that answers an answer at once is met awake; one that takes its time
costs nothing.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import Final, final

SECONDS: Final = 150e-6  # how long it looks: the processor time that one more command may cost
AT_ONCE_SECONDS: Final = 350e-6  # a client so quick is looked out for; both wake within that


@final
class Lingering:
    """Keeps *loop* awake while somebody is looked out for; one for all connections of a loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._until = 0.0  # monotonic seconds
        self._looks = False
        # on a lone processor it would keep the client from speaking
        self._pays = len(os.sched_getaffinity(0)) > 1

    def begin(self, now: float) -> None:
        """Look out for the next command, in monotonic seconds."""
        if not self._pays:
            return
        self._until = now + SECONDS
        if not self._looks:
            self._looks = True
            self._loop.call_soon(self._look)

    def end(self) -> None:
        """Stop: it has come, and threads that work for it want the interpreter."""
        self._until = 0.0

    def _look(self) -> None:
        # what is called soon keeps the loop from sleeping, and it reads sockets between two calls
        if time.monotonic() < self._until:
            self._loop.call_soon(self._look)
        else:
            self._looks = False
