"""How many destinations are spoken to at the same time, and which: by what is known of them.

A destination that does not answer holds its slot until the call is given up, most of a minute.
So those that are known to answer, those that nothing is known of and those that did not answer
have slots of their own, and none waits for a worse kind.  Who answered until now and is silent all at
once gives its slot up after a few seconds, if somebody waits for it or would use one more.  Slots are
taken before a batch is read: what waits for one holds nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from typing import Final

PROVED_AT_ONCE: Final = 20  # destinations that answered the last time
UNKNOWN_AT_ONCE: Final = 32  # many, since what is lost in a call to one is little: see FIRST_OCTETS
DOUBTFUL_AT_ONCE: Final = 8  # that did not; each of them is asked once in a minute at most
MORE_AT_ONCE: Final = 12  # batches under way beyond each destination's first; bounds memory
FIRST_OCTETS: Final = 128 * 1024  # of a batch for who has not answered lately; bounds memory
PATIENCE_SECONDS: Final = 5.0  # for an answer of who answered before, while others want its slot
_REMEMBERED: Final = 4_096


class Slot:
    """One call at a time; released once by who took it."""

    def __init__(self, slots: Pool) -> None:
        self._slots = slots
        self._hurried = False
        self._began = 0.0
        self._limit: asyncio.Timeout | None = None  # of the call that is under way

    @contextlib.asynccontextmanager
    async def call(self) -> AsyncIterator[None]:
        """Speak to the destination inside of this.

        Raises:
            TimeoutError: It was given its time, and somebody else waits for the slot.
        """
        self._began = asyncio.get_running_loop().time()
        async with asyncio.timeout(None) as limit:
            self._limit = limit
            self._set()
            try:
                yield
            finally:
                self._limit = None

    def hurry(self, *, hurried: bool) -> None:
        """Let the call last for so long as is usual, or, *hurried*, no longer than the patience."""
        if hurried != self._hurried:
            self._hurried = hurried
            self._set()

    def release(self) -> None:
        """Give it back."""
        self._slots.take_back(self)

    def _set(self) -> None:
        if self._limit is None or self._limit.expired():
            return
        patience = self._slots.patience
        ends = None if patience is None or not self._hurried else self._began + patience
        self._limit.reschedule(ends)


class Pool:
    """So many slots of one kind.  Owner: the event loop."""

    def __init__(self, count: int, patience: float | None = None) -> None:
        """*patience*: seconds for a call while its slot is wanted; None: as long as it takes."""
        self.patience = patience
        self._free = asyncio.Semaphore(count)
        self._held: dict[Slot, None] = {}  # since the longest first
        self._waiting = 0

    def locked(self) -> bool:
        """Tell whether who wants one now has to wait."""
        return self._free.locked()

    async def take(self) -> Slot:
        """Return a slot once there is one."""
        with self.wanted():
            await self._free.acquire()
        slot = Slot(self)
        self._held[slot] = None
        return slot

    @contextlib.contextmanager
    def wanted(self) -> Iterator[None]:
        """Let it be known inside of this that there is somebody who has use for a slot."""
        self._waiting += 1
        self._hurry()
        try:
            yield
        finally:
            self._waiting -= 1
            self._hurry()

    def take_back(self, slot: Slot) -> None:
        """Let somebody else have *slot*."""
        del self._held[slot]
        self._free.release()
        self._hurry()

    def _hurry(self) -> None:
        """Hurry as many as are waited for, those that have had theirs for longest."""
        waited_for = self._waiting if self.locked() else 0
        for place, slot in enumerate(self._held):
            slot.hurry(hurried=place < waited_for)


class Slots:
    """Owner: the event loop."""

    def __init__(self) -> None:
        self.more = Pool(MORE_AT_ONCE, PATIENCE_SECONDS)
        self._proved = Pool(PROVED_AT_ONCE, PATIENCE_SECONDS)
        self._unknown = Pool(UNKNOWN_AT_ONCE)
        self._doubtful = Pool(DOUBTFUL_AT_ONCE)
        self._answered: OrderedDict[str, bool] = OrderedDict()  # the last time; latest at the end

    def note(self, destination: str, *, answers: bool) -> None:
        """Remember what *destination* did."""
        self._answered[destination] = answers
        self._answered.move_to_end(destination)
        if len(self._answered) > _REMEMBERED:
            self._answered.popitem(last=False)

    def answers(self, destination: str) -> bool:
        """Tell whether *destination* answered the last time."""
        return self._answered.get(destination, False)

    def kind(self, destination: str, *, tried: bool) -> Pool:
        """Return where *destination* takes its slot; *tried*: what waits for it was, in vain."""
        if (answers := self._answered.get(destination)) is not None:
            return self._proved if answers else self._doubtful
        return self._doubtful if tried else self._unknown
