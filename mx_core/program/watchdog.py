"""Tell the service manager's watchdog, for as long as it is true, that the program lives."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from mx_core.model.errors import Unavailable
from mx_core.program import notify


async def tell_alive(prove: Callable[[], Awaitable[object]], stopping: asyncio.Event) -> None:
    """Say it three times in the time that the manager gives, each time after *prove*.

    That the loop turns is proved by this task.  Returns when *stopping* is set, or at once if
    there is no watchdog.  Unavailable is no reason: a restart mends no full disk.

    Raises:
        MailError: What else *prove* raises.
    """
    seconds = notify.watchdog_seconds()
    while seconds is not None and not stopping.is_set():
        with contextlib.suppress(Unavailable):
            await prove()
        notify.tell("WATCHDOG=1")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds / 3):
                await stopping.wait()
