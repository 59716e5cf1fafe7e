"""How many destinations are spoken to at the same time, and which: by what is known of them.

A destination that does not answer holds its slot until the call is given up, most of a minute.
So those that are known to answer, those that nothing is known of and those that did not answer
have slots of their own, and none waits for a worse kind.  Slots are taken before a batch is
read: what waits for one holds nothing.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final

PROVED_AT_ONCE: Final = 20  # destinations that answered the last time
UNKNOWN_AT_ONCE: Final = 32  # many, since what is lost in a call to one is little: see FIRST_OCTETS
DOUBTFUL_AT_ONCE: Final = 8  # that did not; each of them is asked once in a minute at most
MORE_AT_ONCE: Final = 12  # batches under way beyond each destination's first; bounds memory
FIRST_OCTETS: Final = 128 * 1024  # of a batch for who has not answered lately; bounds memory
_REMEMBERED: Final = 4_096


class Slots:
    """Owner: the event loop.  Each slot that was taken is released by who took it."""

    def __init__(self) -> None:
        self.more = asyncio.Semaphore(MORE_AT_ONCE)
        self._proved = asyncio.Semaphore(PROVED_AT_ONCE)
        self._unknown = asyncio.Semaphore(UNKNOWN_AT_ONCE)
        self._doubtful = asyncio.Semaphore(DOUBTFUL_AT_ONCE)
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

    def kind(self, destination: str, *, tried: bool) -> asyncio.Semaphore:
        """Return where *destination* takes its slot; *tried*: what waits for it was, in vain."""
        if (answers := self._answered.get(destination)) is not None:
            return self._proved if answers else self._doubtful
        return self._doubtful if tried else self._unknown
