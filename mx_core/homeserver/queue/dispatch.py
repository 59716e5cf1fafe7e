"""Sends what waits to leave: one worker for each destination that something waits for.

The rows are the queue; a worker holds nothing that a restart would miss.  What one of them does is in
``worker``; here is who works, woken by what is committed, and how all of it begins and stops.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from mx_core.db.transactions import Transactions
from mx_core.homeserver.config import Queue
from mx_core.homeserver.mailboxes.arrivals import Arrivals
from mx_core.homeserver.queue import outgoing
from mx_core.homeserver.queue.attempt import Carry
from mx_core.homeserver.queue.crew import Crew
from mx_core.homeserver.queue.noting import Notes
from mx_core.homeserver.queue.worker import Worker, until
from mx_core.model.clock import Now
from mx_core.model.errors import Unavailable

_log = structlog.get_logger()
_LOOK_SECONDS: Final = 5.0  # until the queue is looked at again that could not be, at the start


class Dispatcher:
    """Workers by destination; ``run`` owns their tasks."""

    def __init__(
        self,
        database: Transactions,
        arrivals: Arrivals,
        carry: Carry,
        settings: Queue,
        *,
        now: Now,
    ) -> None:
        self._database = database
        self._settings = settings
        notes = Notes(database, arrivals, settings, now=now)
        self._crew = Crew(database, carry, settings, notes, now=now)
        self._workers: dict[str, Worker] = {}

    def announce(self, destination: str) -> None:
        """Look at *destination* again: something for it has been committed."""
        worker = self._workers.get(destination)
        if worker is not None:
            worker.wake.set()
        elif self._crew.working:
            worker = self._workers[destination] = Worker(destination, self._crew)
            _ = self._crew.start(self._work(destination, worker))  # the crew has it

    async def look_around(self) -> None:
        """Take up what waits: at the start, and now and then what another process left behind.

        Raises:
            Unavailable: The database does not answer; the next time is soon enough.
        """
        for destination in await self._database.read(outgoing.destinations):
            self.announce(destination)

    async def _looked_around(self) -> bool:
        try:
            await self.look_around()
        except Unavailable as error:
            _log.warning("queue_put_off", error=type(error).__name__)
            return False
        return True

    def retry(self, destination: str) -> None:
        """Try *destination* at once although it did not answer; what is due is to be in the rows."""
        worker = self._workers.get(destination)
        if worker is not None:
            worker.retry()
        self.announce(destination)

    async def run(self, stopping: asyncio.Event) -> None:
        """Send until *stopping*; what is under way then is sent again after the restart."""
        async with asyncio.TaskGroup() as tasks:
            self._crew.begin(tasks)  # before the look: what is announced during it would be missed
            while not await self._looked_around():
                if await until(stopping, min(self._settings.first_delay_seconds, _LOOK_SECONDS)):
                    break
            await stopping.wait()
            self._crew.end()
            for worker in self._workers.values():
                worker.stop()
            await self._crew.drain()

    async def _work(self, destination: str, worker: Worker) -> None:
        try:
            await worker.run()
        finally:
            # nothing is announced to it between its last look and this
            self._workers.pop(destination, None)
