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


def known_seconds(job: Callable[[], object], tries: int = 3) -> float:
    """Return what *job* takes at least, of *tries*; each is held against known work done before and after.

    A slow or shared machine slows both, so the figure is one of the job.
    """
    figures = []
    for _ in range(tries):
        before = _seconds(_known_work)
        took = _seconds(job)
        slower = max(1.0, (before + _seconds(_known_work)) / 2 / _KNOWN_SECONDS)
        figures.append(took / slower)
    return min(figures)
