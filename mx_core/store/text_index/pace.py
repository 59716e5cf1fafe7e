"""How a thread that works in the background leaves the interpreter to the others."""

from __future__ import annotations

import time
from typing import Final

_WORK_SECONDS: Final = 0.002  # the longest that somebody else waits for a turn
_REST_MAX_SECONDS: Final = 0.01


class Pace:
    """Called between small pieces of work: rests half as long as was worked, every two milliseconds."""

    def __init__(self) -> None:
        self._begun = 0.0  # of the thread's own time

    def __call__(self) -> None:
        """Rest, if it is time."""
        worked = time.thread_time() - self._begun
        if worked < _WORK_SECONDS:
            return
        time.sleep(min(worked / 2, _REST_MAX_SECONDS))
        self._begun = time.thread_time()
