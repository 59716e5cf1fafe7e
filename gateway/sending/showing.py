"""When what was accepted comes to stand in Outbox: before it leaves, and soon.

Many share a commit; one alone is shown by the commit that seals it, or a moment later by one of its
own, if sealing takes longer.  In a burst all are shown when it is over, or soon if somebody looks.  docs/spec/outbox.md §1.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container
from typing import Final

import structlog

from gateway.sending.burst import Burst
from mx_core.model.errors import Unavailable
from mx_core.model.ids import QueueId
from mx_core.store.outbox.outbox import OutboxTable

log = structlog.get_logger()

NOT_WRITTEN_SECONDS: Final = 5.0
_SHOWN_SECONDS: Final = 0.03


class Showing:
    """Of one account; *wake* lets its flow out look again."""

    def __init__(self, outbox: OutboxTable, wake: Callable[[], None]) -> None:
        """Nothing happens before ``look``."""
        self._outbox = outbox
        self._wake = wake
        self._timer: asyncio.TimerHandle | None = None  # of what came alone

    async def look(self, moving: Container[QueueId]) -> QueueId | None:
        """Return what came alone and is to be sealed as it is; show all else that is new.

        What is *moving* is left to the commit that seals it, for as long as it may take.
        """
        lone = self._outbox.lone()
        if lone is not None and lone in moving and self._timer is not None:
            return None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if lone is not None and lone not in moving:
            self._timer = asyncio.get_running_loop().call_later(_SHOWN_SECONDS, self._late)
            return lone
        await self.show()
        return None

    async def through(self, burst: Burst) -> None:
        """Return when *burst* is over; show meanwhile what comes, if somebody looks at Outbox."""
        while True:
            try:
                async with asyncio.timeout(_SHOWN_SECONDS):
                    await burst.over()
            except TimeoutError:
                if self._outbox.is_looked_at():
                    await self.show()
            else:
                return

    def _late(self) -> None:
        self._timer = None
        self._wake()

    async def show(self) -> None:
        """Let everything that is new stand in Outbox."""
        try:
            while await self._outbox.show_new():
                pass
        except Unavailable as error:  # a full disk, or too much at once
            log.warning("outbox_not_shown", why=type(error).__name__)
            await asyncio.sleep(NOT_WRITTEN_SECONDS)
            self._wake()  # again, before anybody comes
