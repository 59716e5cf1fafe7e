"""A start that can not end in silence: what stops or ends it is said on standard error.

A signal of the system that ends the program (SIGSEGV, SIGABRT and their like) tells where each thread was, and so
does, again and again, a start that takes too long: by a thread of Python, since one below it, which reads what the
others change meanwhile, may end what it looks at.  Names of files and functions, and lines; no values (law 6).
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Final

LONG_SECONDS: Final = 60.0  # more than a start takes on a busy machine; a migration may take it
_STANDARD_ERROR: Final = 2


@contextlib.contextmanager
def watched(long_seconds: float = LONG_SECONDS) -> Iterator[Callable[[], None]]:
    """Give what to call once the start is done; *long_seconds* without that, or an error, are too long.

    What the system ends is told of for as long as the program runs.
    """
    faulthandler.enable(_STANDARD_ERROR)
    over = threading.Event()
    telling = threading.Thread(
        target=_tell_where, args=(over, long_seconds), name="starting", daemon=True
    )
    telling.start()
    try:
        yield over.set
    finally:
        over.set()
        telling.join()


def _tell_where(over: threading.Event, seconds: float) -> None:
    while not over.wait(seconds):
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        for ident, frame in sys._current_frames().items():  # noqa: SLF001  # there is no other way
            told = "".join(traceback.format_stack(frame))
            name = names.get(ident, "one that is not of Python")
            os.write(_STANDARD_ERROR, f"still starting; thread {name}:\n{told}".encode())
