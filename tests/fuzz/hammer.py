"""One target under many inputs: only errors that its page names, in bounded time.

An input that breaks this is written to ``tests/fuzz/found`` and replayed from there by every
later run; it is committed together with what mends it.
"""

from __future__ import annotations

import contextlib
import hashlib
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from tests.fuzz.mutation import mutants

FOUND = Path(__file__).with_name("found")
CPU_SECONDS_MAX = 1.0  # for one input of at most some KiB, on a slow machine


class TooSlow(BaseException):
    """One input takes longer than any should."""


@dataclass(frozen=True)
class Target:
    """*attempt* raises nothing but *errors*, or AssertionError if it believes what it should not."""

    name: str
    corpus: Sequence[bytes]
    attempt: Callable[[bytes], object]
    errors: tuple[type[Exception], ...] = ()

    def judge(self, octets: bytes) -> None:
        """Attempt *octets*; raises what must never come out."""
        with _bounded(), contextlib.suppress(*self.errors):
            self.attempt(octets)

    def replay(self) -> None:
        """Judge what broke this target before."""
        for path in FOUND.glob(f"{self.name}-*"):
            self.judge(path.read_bytes())


def hammer(target: Target, seconds: float, seed: object) -> dict[str, float]:
    """Judge inputs for *seconds*; return how many, and how long the slowest took."""
    ends = time.monotonic() + seconds
    count = 0
    slowest = 0.0
    for octets in mutants(target.corpus, f"{target.name} {seed}"):
        begun = time.thread_time()
        try:
            target.judge(octets)
        except BaseException as error:
            error.add_note(f"the input is in {_kept(target, octets)}")
            raise
        slowest = max(slowest, time.thread_time() - begun)
        count += 1
        if time.monotonic() > ends:
            break
    return {"inputs": count, "slowest": slowest * 1_000}


def _kept(target: Target, octets: bytes) -> Path:
    FOUND.mkdir(exist_ok=True)
    path = FOUND / f"{target.name}-{hashlib.sha256(octets).hexdigest()[:12]}"
    path.write_bytes(octets)
    return path


@contextlib.contextmanager
def _bounded() -> Iterator[None]:
    """Raise TooSlow after a second of this process' own time; other load does not count."""

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS_MAX)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
