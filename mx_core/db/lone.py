"""Whether commits are quick enough for a lone change to be made on the thread that asks for it.

That thread does nothing else meanwhile, so a disk that keeps it waiting is asked less and less often.
docs/decisions/0058-a-lone-change-is-committed-where-it-is-asked-for.md
"""

from __future__ import annotations

import time
from typing import Final, final

HELD_SECONDS: Final = 0.005  # a change that takes longer should have been the writer's
_PAUSE_FOR_EACH: Final = 10  # of what it took; twice as much for each that follows at once
PAUSE_SECONDS_MAX: Final = 60.0


@final
class Quickness:
    """What recent changes took.  For one thread at a time."""

    def __init__(self) -> None:
        self._slow = 0  # in a row
        self._until = 0.0  # monotonic seconds: none before

    def allows(self) -> bool:
        """Tell whether the next one may be made here."""
        return not self._slow or time.monotonic() >= self._until

    def note(self, seconds: float) -> None:
        """Note what one took, from its beginning to the end of its commit."""
        if seconds <= HELD_SECONDS:
            self._slow = 0
            return
        pause = min(seconds * _PAUSE_FOR_EACH * 2**self._slow, PAUSE_SECONDS_MAX)
        self._slow += 1
        self._until = time.monotonic() + pause
