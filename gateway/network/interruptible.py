"""One thing at a time that runs until it ends, or until somebody else interrupts it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, final


@final
class Interruptible:
    """Owner: the event loop."""

    def __init__(self) -> None:
        """Nothing runs."""
        self._task: asyncio.Task[None] | None = None

    async def run(self, what: Coroutine[Any, Any, None]) -> bool:
        """Run *what*; return False if it was interrupted.  Raises what it raises."""
        self._task = asyncio.create_task(what)
        try:
            await self._task
        except asyncio.CancelledError:
            running = asyncio.current_task()
            if running is not None and running.cancelling():
                raise  # we are to end ourselves
            return False
        finally:
            self._task = None
        return True

    def interrupt(self) -> None:
        """End what runs, if anything does."""
        if self._task is not None:
            self._task.cancel()
