"""The task that does for an account's folders what mail transactions leave to be done."""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from mx_core.model.clock import Now
from mx_core.model.errors import Unavailable
from mx_core.store.folders.upkeep import Folders

log = structlog.get_logger()

_LONGEST_WAIT_SECONDS = 60.0  # the clock may be set meanwhile


async def keep_up(folders: Folders, now: Now) -> None:
    """Judge texts as they come and turn what time turns, for ever."""
    while True:
        try:
            await folders.catch_up()
            turn = (await folders.owed()).next_turn
        except Unavailable as error:
            log.info("folders_put_off", why=type(error).__name__)  # a full disk
            await asyncio.sleep(_LONGEST_WAIT_SECONDS)
            continue
        wait = None if turn is None else min(max(turn - now(), 0.0), _LONGEST_WAIT_SECONDS)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await folders.wait()
