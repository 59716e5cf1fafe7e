"""Memory that much mail leaves behind is given back on the way, and not only when a quiet time begins.

Pages of databases that were read, and the room in the heap between what stays: both would grow with
what is brought, as long as it goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from mx_core.program.memory import give_back_heap

EVERY_OCTETS: Final = 64 * 1024 * 1024  # a batch is four; it takes some milliseconds


class GivingBack:
    """Of one import; *let_go* lets go of what can be read again."""

    def __init__(self, let_go: Callable[[], None]) -> None:
        self._let_go = let_go
        self._octets = 0

    async def passed(self, octets: int) -> None:
        """Note that so many octets of mail have gone through memory."""
        self._octets += octets
        if self._octets >= EVERY_OCTETS:
            self._octets = 0
            await asyncio.to_thread(self._give_back)

    def _give_back(self) -> None:
        self._let_go()
        give_back_heap()
