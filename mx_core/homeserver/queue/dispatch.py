"""Sends what waits to leave: one worker for each destination that something waits for.

The rows are the queue; a worker holds nothing that a restart would miss.  Invariants: an item is
in one batch at a time; a destination that has not answered yet has one batch under way, one that
answers up to eight, so that its work, ours and both disks' overlap and what waits for a disk shares
a commit; every try of an item is noted before its next one; an unreachable destination is not asked
more often than the first delay.  Over a shared database a batch is claimed before it is sent, so
that no other process sends it too.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from mx_core.db import failpoint
from mx_core.db.transactions import Transactions
from mx_core.homeserver.config import Queue
from mx_core.homeserver.mailboxes.appending import Place
from mx_core.homeserver.mailboxes.arrivals import Arrivals
from mx_core.homeserver.queue import outgoing
from mx_core.homeserver.queue.attempt import Carry, attempt
from mx_core.homeserver.queue.noting import Notes
from mx_core.homeserver.queue.outgoing import Leaving
from mx_core.homeserver.queue.slots import FIRST_OCTETS, Pool, Slot, Slots
from mx_core.model.clock import Now
from mx_core.model.errors import (
    Unavailable,
)

_log = structlog.get_logger()
BATCHES_MAX: Final = 8  # under way to one destination
_IDLE_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 5.0  # until the queue is looked at again that could not be, at the start
_DRAIN_SECONDS: Final = 2.0
_ROUND_SECONDS: Final = 600.0  # the clock may jump: look again after this at the latest


@dataclass(slots=True)
class _Worker:
    """Owner: the event loop."""

    wake: asyncio.Event
    retried: asyncio.Event  # an operator ended its pause, or the server stops
    paused_until: float = 0.0  # of the loop's clock, which never jumps
    last_batch: float = 0.0  # likewise
    answers: bool = False  # to the last batch that came back
    sending: set[asyncio.Task[None]] = field(default_factory=set)
    under_way: set[Place] = field(default_factory=set)  # of every batch in *sending*


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
        self._carry = carry
        self._settings = settings
        self._notes = Notes(database, arrivals, settings, now=now)
        self._now = now
        self._workers: dict[str, _Worker] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._slots = Slots()

    def announce(self, destination: str) -> None:
        """Look at *destination* again: something for it has been committed."""
        worker = self._workers.get(destination)
        if worker is not None:
            worker.wake.set()
        elif self._tasks is not None:
            self._start(destination)

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
            worker.paused_until = 0.0
            worker.retried.set()
        self.announce(destination)

    async def run(self, stopping: asyncio.Event) -> None:
        """Send until *stopping*; what is under way then is sent again after the restart."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks  # before the look: what is announced during it would be missed
            while not await self._looked_around():
                if await _until(stopping, min(self._settings.first_delay_seconds, _LOOK_SECONDS)):
                    break
            await stopping.wait()
            self._tasks = None
            for worker in self._workers.values():
                worker.wake.set()
                worker.retried.set()
            if self._running:
                _, late = await asyncio.wait(self._running, timeout=_DRAIN_SECONDS)
                for task in late:
                    task.cancel()

    def _start(self, destination: str) -> None:
        if self._tasks is None:
            return
        worker = _Worker(asyncio.Event(), asyncio.Event())
        self._workers[destination] = worker
        task = self._tasks.create_task(self._work(destination, worker))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _work(self, destination: str, worker: _Worker) -> None:
        try:
            while self._tasks is not None:
                worker.wake.clear()
                try:
                    if await self._send_next(destination, worker):
                        continue
                    if worker.sending:
                        await self._one_is_back(worker)
                    elif not await self._rest(destination, worker):
                        return
                except Unavailable as error:
                    _log.warning("queue_put_off", error=type(error).__name__)
                    self._pause(worker)
        finally:
            if worker.sending:
                await asyncio.wait(worker.sending)
            self._workers.pop(destination, None)

    async def _send_next(self, destination: str, worker: _Worker) -> bool:
        """Send a batch and return True when another may follow; False if there is none to send."""
        slot = await self._slot(destination, worker)
        if slot is None:
            return False
        try:
            batch = await self._next_batch(destination, worker)
            if batch:
                batch = await self._fill(destination, worker, batch)
            if not batch:
                slot.release()
                return False
        except BaseException:
            slot.release()
            raise
        await self._launch(destination, worker, batch, slot)
        return True

    async def _slot(self, destination: str, worker: _Worker) -> Slot | None:
        """Return a slot, taken; or None where there is nothing to send now."""
        if _clock() < worker.paused_until:
            return None
        slots: Pool
        if worker.sending:
            slots = self._slots.more
        elif self._slots.answers(destination):
            slots = self._slots.kind(destination, tried=False)
        else:
            # so that whoever has nothing to send does not wait for a slot among the silent
            settings, now = self._settings, self._now()
            tried = await self._database.read(
                lambda tx: outgoing.tried(
                    tx, destination, now, settings.longest_delay_seconds, settings.batch_items
                )
            )
            if tried is None:
                return None
            slots = self._slots.kind(destination, tried=tried)
        return await slots.take()

    async def _fill(self, destination: str, worker: _Worker, batch: list[Leaving]) -> list[Leaving]:
        """Return *batch* with what comes within the shortest time between two batches."""
        pace = worker.last_batch + self._settings.batch_seconds - _clock()
        if pace > 0 and len(batch) < self._settings.batch_items:
            # a batch went a moment ago: what comes within this time travels together
            await asyncio.sleep(pace)
            batch += await self._next_batch(destination, worker, beside=batch)
        return batch

    async def _launch(
        self, destination: str, worker: _Worker, batch: list[Leaving], slot: Slot
    ) -> None:
        """Send *batch* beside what is under way, and return when another may follow."""
        if self._tasks is None:
            slot.release()
            return
        worker.last_batch = _clock()
        places = {(what.mailbox_id, what.env_id) for what in batch}
        worker.under_way |= places
        task = self._tasks.create_task(self._send(destination, worker, batch, slot))

        def back(done: asyncio.Task[None]) -> None:
            slot.release()  # also of a task that was cancelled before it began
            worker.sending.discard(done)
            worker.under_way -= places

        worker.sending.add(task)
        self._running.add(task)
        task.add_done_callback(back)
        task.add_done_callback(self._running.discard)
        more = self._slots.more
        while worker.sending:
            wants = worker.answers and len(worker.sending) < BATCHES_MAX
            if wants and not more.locked():
                return
            # with no slot to be had it goes on with what it has, and hurries who is silent in one
            with more.wanted() if wants else contextlib.nullcontext():
                await asyncio.wait(worker.sending, return_when=asyncio.FIRST_COMPLETED)

    async def _one_is_back(self, worker: _Worker) -> None:
        """Wait until a batch has come back, or there is something new to look at."""
        woken = asyncio.ensure_future(worker.wake.wait())
        try:
            await asyncio.wait({woken, *worker.sending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()

    async def _next_batch(
        self, destination: str, worker: _Worker, beside: Sequence[Leaving] = ()
    ) -> list[Leaving]:
        """Return what is to be sent now, and fits into one batch with what is *beside* it."""
        settings, now = self._settings, self._now()
        octets = settings.batch_octets
        if not self._slots.answers(destination):
            octets = min(octets, FIRST_OCTETS)
        look = partial(
            outgoing.claim if self._database.shared else outgoing.due,
            destination=destination,
            now=now,
            longest_delay=settings.longest_delay_seconds,
            limit=settings.batch_items - len(beside),
            octets=octets - sum(what.octets for what in beside),
            at_least=0 if beside else 1,
            but=worker.under_way | {(what.mailbox_id, what.env_id) for what in beside},
        )
        if self._database.shared:
            return await self._database.write_one(look)
        return await self._database.read(look)

    async def _rest(self, destination: str, worker: _Worker) -> bool:
        """Wait for the next thing to do; return False when the worker may end."""
        paused = worker.paused_until - _clock()
        if paused > 0:
            # new mail for a destination that does not answer waits with the rest
            await _until(worker.retried, min(paused, self._settings.first_delay_seconds))
            return True
        now = self._now()
        at = await self._database.read_few(lambda tx: outgoing.next_due(tx, destination, now))
        if at is None:
            # nothing can be announced between this answer and the end of the task
            return await _until(worker.wake, _IDLE_SECONDS)
        await _until(worker.wake, min(max(at - self._now(), 0.001), _ROUND_SECONDS))
        return True

    async def _send(
        self, destination: str, worker: _Worker, batch: list[Leaving], slot: Slot
    ) -> None:
        outcomes, answered = await attempt(self._carry, destination, batch, slot)
        if answered is not None:
            self._slots.note(destination, answers=answered)
            worker.answers = answered or worker.answers
            if not answered:
                self._pause(worker)
        # Crash here: the peer may have the batch and this server not know it; it is sent
        # again after the restart, and the peer says DUPLICATE.
        failpoint.reach("sent")
        try:
            await self._notes.take(batch, outcomes)
            if worker.paused_until and worker.answers:
                # it answers again: what failed only because it did not goes at once
                worker.paused_until, now = 0.0, self._now()
                await self._database.write(lambda tx: outgoing.hurry(tx, now, destination))
        except Unavailable as error:
            # no room to note what became of a batch: it is sent again, and is a duplicate
            _log.warning("queue_put_off", error=type(error).__name__)
            self._pause(worker)

    def _pause(self, worker: _Worker) -> None:
        worker.paused_until = _clock() + self._settings.first_delay_seconds
        worker.answers = False
        if self._tasks is not None:
            worker.retried.clear()


def _clock() -> float:
    return asyncio.get_running_loop().time()


async def _until(event: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
