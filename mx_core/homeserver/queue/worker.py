"""One destination's worker: what is sent to it, when, and how much at a time, until nothing waits.

Invariants: an item is in one batch at a time; a destination that has not answered yet has one batch
under way, one that answers up to eight, so that its work, ours and both disks' overlap and what
waits for a disk shares a commit; every try of an item is noted before its next one; an unreachable
destination is not asked more often than the first delay.  Over a shared database a batch is claimed
before it is sent, so that no other process sends it too.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from functools import partial
from typing import Final

import structlog

from mx_core.db import failpoint
from mx_core.homeserver.mailboxes.appending import Place
from mx_core.homeserver.queue import outgoing
from mx_core.homeserver.queue.attempt import attempt
from mx_core.homeserver.queue.crew import Crew
from mx_core.homeserver.queue.outgoing import Leaving
from mx_core.homeserver.queue.slots import FIRST_OCTETS, Pool, Slot
from mx_core.model.errors import Unavailable

_log = structlog.get_logger()
BATCHES_MAX: Final = 8  # under way to one destination
_IDLE_SECONDS: Final = 60.0
_ROUND_SECONDS: Final = 600.0  # the clock may jump: look again after this at the latest


class Worker:
    """Owner: the event loop."""

    __slots__ = (
        "_answers",
        "_crew",
        "_destination",
        "_last_batch",
        "_paused_until",
        "_retried",
        "_sending",
        "under_way",
        "wake",
    )

    def __init__(self, destination: str, crew: Crew) -> None:
        """Send nothing before ``run``."""
        self.wake = asyncio.Event()  # something for the destination has been committed
        self.under_way: set[Place] = set()  # of every batch in *_sending*
        self._destination = destination
        self._crew = crew
        self._retried = asyncio.Event()  # an operator ended its pause, or the server stops
        self._paused_until = 0.0  # of the loop's clock, which never jumps
        self._last_batch = 0.0  # likewise
        self._answers = False  # to the last batch that came back
        self._sending: set[asyncio.Task[None]] = set()

    def retry(self) -> None:
        """End its pause."""
        self._paused_until = 0.0
        self._retried.set()

    def stop(self) -> None:
        """Let it see that the crew works no more."""
        self.wake.set()
        self._retried.set()

    async def run(self) -> None:
        """Send what is due until there is nothing more to wait for, or the crew stops."""
        try:
            while self._crew.working:
                self.wake.clear()
                try:
                    if await self._send_next():
                        continue
                    if self._sending:
                        await self._one_is_back()
                    elif not await self._rest():
                        return
                except Unavailable as error:
                    _log.warning("queue_put_off", error=type(error).__name__)
                    self._pause()
        finally:
            if self._sending:
                await asyncio.wait(self._sending)

    async def _send_next(self) -> bool:
        """Send a batch and return True when another may follow; False if there is none to send."""
        slot = await self._slot()
        if slot is None:
            return False
        try:
            batch = await self._next_batch()
            if batch:
                batch = await self._fill(batch)
            if not batch:
                slot.release()
                return False
        except BaseException:
            slot.release()
            raise
        await self._launch(batch, slot)
        return True

    async def _slot(self) -> Slot | None:
        """Return a slot, taken; or None where there is nothing to send now."""
        if _clock() < self._paused_until:
            return None
        slots: Pool
        if self._sending:
            slots = self._crew.slots.more
        elif self._crew.slots.answers(self._destination):
            slots = self._crew.slots.kind(self._destination, tried=False)
        else:
            # so that whoever has nothing to send does not wait for a slot among the silent
            settings, now = self._crew.settings, self._crew.now()
            tried = await self._crew.database.read(
                lambda tx: outgoing.tried(
                    tx, self._destination, now, settings.longest_delay_seconds, settings.batch_items
                )
            )
            if tried is None:
                return None
            slots = self._crew.slots.kind(self._destination, tried=tried)
        return await slots.take()

    async def _fill(self, batch: list[Leaving]) -> list[Leaving]:
        """Return *batch* with what comes within the shortest time between two batches."""
        pace = self._last_batch + self._crew.settings.batch_seconds - _clock()
        if pace > 0 and len(batch) < self._crew.settings.batch_items:
            # a batch went a moment ago: what comes within this time travels together
            await asyncio.sleep(pace)
            batch += await self._next_batch(beside=batch)
        return batch

    async def _launch(self, batch: list[Leaving], slot: Slot) -> None:
        """Send *batch* beside what is under way, and return when another may follow."""
        if not self._crew.working:
            slot.release()
            return
        self._last_batch = _clock()
        places = {(what.mailbox_id, what.env_id) for what in batch}
        self.under_way |= places
        task = self._crew.start(self._send(batch, slot))

        def back(done: asyncio.Task[None]) -> None:
            slot.release()  # also of a task that was cancelled before it began
            self._sending.discard(done)
            self.under_way -= places

        self._sending.add(task)
        task.add_done_callback(back)
        more = self._crew.slots.more
        while self._sending:
            wants = self._answers and len(self._sending) < BATCHES_MAX
            if wants and not more.locked():
                return
            # with no slot to be had it goes on with what it has, and hurries who is silent in one
            with more.wanted() if wants else contextlib.nullcontext():
                await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED)

    async def _one_is_back(self) -> None:
        """Wait until a batch has come back, or there is something new to look at."""
        woken = asyncio.ensure_future(self.wake.wait())
        try:
            await asyncio.wait({woken, *self._sending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()

    async def _next_batch(self, beside: Sequence[Leaving] = ()) -> list[Leaving]:
        """Return what is to be sent now, and fits into one batch with what is *beside* it."""
        settings, now = self._crew.settings, self._crew.now()
        octets = settings.batch_octets
        if not self._crew.slots.answers(self._destination):
            octets = min(octets, FIRST_OCTETS)
        look = partial(
            outgoing.claim if self._crew.database.shared else outgoing.due,
            destination=self._destination,
            now=now,
            longest_delay=settings.longest_delay_seconds,
            limit=settings.batch_items - len(beside),
            octets=octets - sum(what.octets for what in beside),
            at_least=0 if beside else 1,
            but=self.under_way | {(what.mailbox_id, what.env_id) for what in beside},
        )
        if self._crew.database.shared:
            return await self._crew.database.write_one(look)
        return await self._crew.database.read(look)

    async def _rest(self) -> bool:
        """Wait for the next thing to do; return False when the worker may end."""
        paused = self._paused_until - _clock()
        if paused > 0:
            # new mail for a destination that does not answer waits with the rest
            await until(self._retried, min(paused, self._crew.settings.first_delay_seconds))
            return True
        now = self._crew.now()
        at = await self._crew.database.read_few(
            lambda tx: outgoing.next_due(tx, self._destination, now)
        )
        if at is None:
            # nothing can be announced between this answer and the end of the task
            return await until(self.wake, _IDLE_SECONDS)
        await until(self.wake, min(max(at - self._crew.now(), 0.001), _ROUND_SECONDS))
        return True

    async def _send(self, batch: list[Leaving], slot: Slot) -> None:
        outcomes, answered = await attempt(self._crew.carry, self._destination, batch, slot)
        if answered is not None:
            self._crew.slots.note(self._destination, answers=answered)
            self._answers = answered or self._answers
            if not answered:
                self._pause()
        # Crash here: the peer may have the batch and this server not know it; it is sent
        # again after the restart, and the peer says DUPLICATE.
        failpoint.reach("sent")
        try:
            await self._crew.notes.take(batch, outcomes)
            if self._paused_until and self._answers:
                # it answers again: what failed only because it did not goes at once
                self._paused_until, now = 0.0, self._crew.now()
                await self._crew.database.write(
                    lambda tx: outgoing.hurry(tx, now, self._destination)
                )
        except Unavailable as error:
            # no room to note what became of a batch: it is sent again, and is a duplicate
            _log.warning("queue_put_off", error=type(error).__name__)
            self._pause()

    def _pause(self) -> None:
        self._paused_until = _clock() + self._crew.settings.first_delay_seconds
        self._answers = False
        if self._crew.working:
            self._retried.clear()


def _clock() -> float:
    return asyncio.get_running_loop().time()


async def until(event: asyncio.Event, seconds: float) -> bool:
    """Wait for *event*, no longer than so many seconds; tell whether it is set."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
