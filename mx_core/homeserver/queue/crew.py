"""What the workers of one queue share: the rows, the way out, the slots; and the tasks that they begin.

None begins any more once the server stops; those under way then have two seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from mx_core.db.transactions import Transactions
from mx_core.homeserver.config import Queue
from mx_core.homeserver.queue.attempt import Carry
from mx_core.homeserver.queue.noting import Notes
from mx_core.homeserver.queue.slots import Slots
from mx_core.model.clock import Now

_DRAIN_SECONDS: Final = 2.0


class Crew:
    """Of one queue.  Owner: the event loop."""

    def __init__(
        self, database: Transactions, carry: Carry, settings: Queue, notes: Notes, *, now: Now
    ) -> None:
        self.database = database
        self.carry = carry
        self.settings = settings
        self.notes = notes
        self.now = now
        self.slots = Slots()
        self._tasks: asyncio.TaskGroup | None = None
        self._running: set[asyncio.Task[None]] = set()

    @property
    def working(self) -> bool:
        """Tell whether a task may begin: the server runs, and does not stop."""
        return self._tasks is not None

    def begin(self, tasks: asyncio.TaskGroup) -> None:
        """Work from now on; *tasks* owns what is begun."""
        self._tasks = tasks

    def end(self) -> None:
        """Begin nothing more."""
        self._tasks = None

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin *work*, and hold on to it until it is over; only while ``working``."""
        if self._tasks is None:
            raise AssertionError("a worker began something after the end")
        task = self._tasks.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def drain(self) -> None:
        """Give what is under way a moment, and cancel the rest."""
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=_DRAIN_SECONDS)
            for task in late:
                task.cancel()
