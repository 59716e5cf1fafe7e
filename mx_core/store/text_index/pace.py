"""How a thread that works in the background leaves the interpreter to the others."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_WORK_SECONDS: Final = 0.002  # the longest that somebody else waits for a turn
_REST: Final = 0.5  # of what was worked
_REST_MAX_SECONDS: Final = 0.01
_LONG_REST: Final = 8.0
_LONG_REST_MAX_SECONDS: Final = 0.04
_STEP_ASIDE_SECONDS: Final = 0.1  # after each thing that somebody asked or changed


class Pace:
    """Called between small pieces of work: rests half as long as was worked, every two milliseconds.

    While somebody stores or reads mail it rests eight times as long as it works: whoever waits for
    a statement, or for a thread, gives the interpreter away and would wait for a piece of this work
    to have it back.
    """

    def __init__(self, rest: Callable[[float], None] = time.sleep) -> None:
        self._rest = rest
        self._begun = 0.0  # of the thread's own time
        self._aside_until = 0.0  # monotonic; set by any thread

    def step_aside(self) -> None:
        """Leave more room for a moment: somebody is at work.  Never blocks."""
        self._aside_until = time.monotonic() + _STEP_ASIDE_SECONDS

    def __call__(self) -> None:
        """Rest, if it is time."""
        worked = time.thread_time() - self._begun
        if worked < _WORK_SECONDS:
            return
        if time.monotonic() < self._aside_until:
            self._rest(min(worked * _LONG_REST, _LONG_REST_MAX_SECONDS))
        else:
            self._rest(min(worked * _REST, _REST_MAX_SECONDS))
        self._begun = time.thread_time()
