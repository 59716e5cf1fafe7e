"""A program of which nothing is asked gives back what it does not need: once in each quiet time.

What it did before may need much: pages of databases, freed heap, the machine code of libraries that
only a start runs.  Quiet is told by the processor, so that nothing has to say that it works.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections.abc import Callable
from typing import Final, final

from mx_core.program.memory import give_back_code, give_back_heap

LOOK_SECONDS: Final = 10.0
# Of the processor, between two looks.  An open connection and its pings need 0.06 on a slow machine;
# whoever reads or writes mail needs more.
_LITTLE_SECONDS: Final = 0.2
_NEW_OBJECTS: Final = (10_000, 20, 20)  # between two looks for garbage, of the young and the older


@final
class Quiet:
    """Tells when a quiet time begins.  No clock of its own."""

    def __init__(self, used: float) -> None:
        """What was *used* until now was work."""
        self._used = used
        self._quiet = False

    def begins(self, used: float) -> bool:
        """Tell whether a quiet time was seen just now; *used*: seconds of processor so far."""
        was, self._quiet = self._quiet, used - self._used < _LITTLE_SECONDS
        self._used = used
        return self._quiet and not was


def look_less_for_garbage() -> None:
    """Look no more at what the start has made, and less often at what comes.

    For a program that is about to serve.  A batch of mail is ten thousand objects that are gone a moment
    later and hold no circles; looking for these took a tenth of a home server's processor, and more than a
    quarter of a gateway's while a hundred connections submit.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_NEW_OBJECTS)


async def give_back_when_quiet(let_go: Callable[[], None], stopping: asyncio.Event) -> None:
    """Watch until *stopping*; *let_go* lets go of what can be read again, on a thread of its own."""
    quiet = Quiet(time.process_time())
    while not stopping.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                await stopping.wait()
                return
        if quiet.begins(time.process_time()):
            await asyncio.to_thread(_give_back, let_go)


def _give_back(let_go: Callable[[], None]) -> None:
    let_go()
    gc.collect()
    gc.freeze()  # what is there now stays: later collections need not look at it again
    give_back_heap()
    give_back_code()
