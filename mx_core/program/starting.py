"""A start that can not end in silence: what stops or ends it is said on standard error.

A signal of the system that ends the program (SIGSEGV, SIGABRT and their like) tells where each thread was, and so
does, again and again, a start that takes too long.  A thread below Python tells it, so also where all of Python waits.
Names of files and functions, and lines; no values (law 6).
"""

from __future__ import annotations

import faulthandler
from typing import Final

LONG_SECONDS: Final = 60.0  # more than a start takes on a busy machine; a migration may take it
_STANDARD_ERROR: Final = 2


def begin(long_seconds: float = LONG_SECONDS) -> None:
    """Tell from now on; *long_seconds* without ``done`` are too long."""
    faulthandler.enable(_STANDARD_ERROR)
    faulthandler.dump_traceback_later(long_seconds, repeat=True, file=_STANDARD_ERROR)


def done() -> None:
    """End what waits for the end of the start; what ends the program is told of for as long as it runs."""
    faulthandler.cancel_dump_traceback_later()
