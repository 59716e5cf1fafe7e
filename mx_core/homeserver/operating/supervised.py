"""How the process lives under whoever started it: signals, the watchdog, an end in time.

SIGTERM and SIGINT drain.  SIGHUP reads the configuration again: rates and the log change while
serving, the rest is named and waits for a restart; a file with problems changes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from mx_core.db.transactions import Transactions
from mx_core.homeserver.bounds.rating import Rating
from mx_core.homeserver.commands.exits import DiskFailed
from mx_core.homeserver.config import Config, load
from mx_core.model.errors import BadConfiguration, Corrupt, Unavailable
from mx_core.program import logs
from mx_core.program.watchdog import tell_alive

_log = structlog.get_logger()
_LIVE: Final = frozenset({"rates", "log"})


class Reloader:
    """Puts a changed configuration in force, as far as that goes.  Owner: the event loop."""

    def __init__(self, folder: Path, config: Config, rating: Rating) -> None:
        """*config* is what was read at the start."""
        self._folder = folder
        self._started = config
        self._now = config
        self._rating = rating

    def reload(self) -> None:
        """Read the file again; never raises for what stands in it."""
        try:
            config = load(self._folder)
        except BadConfiguration as error:
            _log.warning("reload_refused", problem=str(error))
            return
        logs.configure(config.log)
        if config.rates != self._now.rates:
            self._rating.put_in_force(config.rates)
        self._now = config
        _log.info("reloaded", needs_restart=",".join(self._waiting(config)))

    def _waiting(self, config: Config) -> list[str]:
        return [
            name
            for name in Config.__struct_fields__
            if name not in _LIVE and getattr(config, name) != getattr(self._started, name)
        ]


def on_signals(stopping: asyncio.Event, reload: Callable[[], None]) -> None:
    """Set *stopping* on SIGTERM and SIGINT, call *reload* on SIGHUP."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    loop.add_signal_handler(signal.SIGHUP, reload)


async def prove_alive(database: Transactions, stopping: asyncio.Event) -> None:
    """Tell the watchdog, if there is one, that the loop turns and that changes are written.

    Raises:
        Corrupt: The database takes no change any more.
    """
    await tell_alive(lambda: database.write(lambda _: None), stopping)


async def stop_if_unsure(
    database: Transactions, doubt: asyncio.Event, stopping: asyncio.Event
) -> None:
    """End the process when the database has stopped taking changes; a damaged file alone does not.

    Raises:
        DiskFailed: The disk did not confirm a write.  What was answered is durable; the rest
            was refused, and a restart reads what the disk really holds.
    """
    stop = asyncio.ensure_future(stopping.wait())
    try:
        while not stopping.is_set():
            look = asyncio.ensure_future(doubt.wait())
            await asyncio.wait({stop, look}, return_when=asyncio.FIRST_COMPLETED)
            look.cancel()
            if doubt.is_set():
                doubt.clear()
                with contextlib.suppress(Unavailable):
                    await database.write(lambda _: None)
    except Corrupt as error:
        raise DiskFailed(f"stopped: {error}") from error
    finally:
        stop.cancel()
