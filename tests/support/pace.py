"""Processor time in seconds of one known machine, whatever machine this is."""

import time
from collections.abc import Callable

_ROUNDS = 200_000
_KNOWN_SECONDS = 0.004  # what _ROUNDS take there: CPython 3.11 at 3 GHz, nothing beside it


def _seconds(job: Callable[[], object]) -> float:
    began = time.process_time()
    job()
    return time.process_time() - began


def _known_work() -> None:
    for _ in range(_ROUNDS):
        pass


def takes_at_most(seconds: float, job: Callable[[], object], tries: int = 3) -> bool:
    """Tell whether *job* takes no more than *seconds* of the known machine in one of *tries*.

    Each try is held against known work done before and after it: a slow or shared machine slows
    both, so what is judged is the job.
    """
    for _ in range(tries):
        before = _seconds(_known_work)
        took = _seconds(job)
        slower = max(1.0, (before + _seconds(_known_work)) / 2 / _KNOWN_SECONDS)
        if took / slower <= seconds:
            return True
    return False
