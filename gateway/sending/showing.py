"""When what was accepted comes to stand in Outbox: before it leaves, and soon.

Many share a commit, for which they are waited for; one alone is shown by the commit that seals it,
or a moment later by one of its own, if sealing takes longer.  docs/spec/outbox.md §1.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container
from typing import Final

import structlog

from mx_core.model.errors import Unavailable
from mx_core.model.ids import QueueId
from mx_core.store.outbox.outbox import OutboxTable

log = structlog.get_logger()

NOT_WRITTEN_SECONDS: Final = 5.0
_MANY: Final = 2  # accepted while one step was taken: more are to be expected
_SHOWN_SECONDS: Final = 0.03
_WAYS_MADE: Final = 33  # a second


class Showing:
    """Of one account; *wake* lets its flow out look again."""

    def __init__(self, outbox: OutboxTable, wake: Callable[[], None]) -> None:
        """Nothing happens before ``look``."""
        self._outbox = outbox
        self._wake = wake
        self._timer: asyncio.TimerHandle | None = None  # of what came alone

    async def look(self, moving: Container[QueueId]) -> QueueId | None:
        """Return what came alone and is to be sealed as it is; show all else that is new.

        What is *moving* and still not shown has had its time.
        """
        lone = self._outbox.lone()
        if self._timer is not None and (lone is None or lone not in moving):
            self._timer.cancel()
            self._timer = None
        if lone is not None and lone not in moving:
            self._timer = asyncio.get_running_loop().call_later(_SHOWN_SECONDS, self._wake)
            return lone
        if await self.show() >= _MANY:
            await self._make_way()
        return None

    async def show(self) -> int:
        """Let everything that is new stand in Outbox; return how many that were."""
        shown = 0
        try:
            while new := await self._outbox.show_new():
                shown += new
        except Unavailable as error:  # a full disk, or too much at once
            log.warning("outbox_not_shown", why=type(error).__name__)
            await asyncio.sleep(NOT_WRITTEN_SECONDS)
            self._wake()  # again, before anybody comes
        return shown

    async def _make_way(self) -> None:
        """While many come one after the other let them come, for a bounded time: somebody waits.

        What was accepted leaves a little later, and shares more commits when it does.
        """
        for _ in range(_WAYS_MADE):
            await asyncio.sleep(_SHOWN_SECONDS)
            if not await self.show():
                return
