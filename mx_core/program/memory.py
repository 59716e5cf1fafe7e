"""Keeps what a process holds in memory out of core files, and away from other programs of its user.

core(5), prctl(2) PR_SET_DUMPABLE: afterwards no debugger of the same user attaches either.
"""

from __future__ import annotations

import ctypes
import resource
from typing import Final

_PR_SET_DUMPABLE: Final = 4


def keep_out_of_dumps() -> None:
    """Make this process leave no core file; what the system does not know is left alone."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
