"""When a gateway that is open is locked: as soon as somebody asks, or by the clocks of its configuration.

To lock is to stop and to begin again without the key: that is ``vault``.  spec/unlock §3.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, final

from gateway.config import Unlock
from gateway.unlocking.idleness import Idleness
from gateway.unlocking.vault import Vault

_LOCK_SECONDS: Final = 0.3


@final
class Locking:
    """Of one gateway.  Owner: its event loop."""

    def __init__(
        self, vault: Vault, wanted: Unlock, idleness: Idleness, stop: Callable[[], None]
    ) -> None:
        """No clock runs before ``begin``; *stop* ends the gateway, whose process then begins again."""
        self._vault = vault
        self._wanted = wanted
        self._idleness = idleness
        self._stop = stop

    def begin(self, tasks: asyncio.TaskGroup) -> None:
        """Let the clocks run that are wanted: the gateway was unlocked now."""
        if minutes := self._wanted.lock_after_minutes:
            tasks.create_task(self._lock_after(minutes * 60.0))
        if minutes := self._wanted.lock_when_idle_minutes:
            tasks.create_task(self._idleness.lock_after(minutes * 60.0, self.lock))

    async def lock(self) -> None:
        """See to it that all is locked in a moment.

        Raises:
            Refused: It is locked already.
        """
        self._vault.lock()
        # the answer goes out first; then the process begins again, with nothing in its memory
        asyncio.get_running_loop().call_later(_LOCK_SECONDS, self._stop)

    async def _lock_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.lock()
