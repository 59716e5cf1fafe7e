"""Keeps what a process holds in memory out of core files and swap, and away from its user's programs.

core(5), prctl(2) PR_SET_DUMPABLE: afterwards no debugger of the same user attaches either; mlockall(2).
"""

from __future__ import annotations

import ctypes
import resource
from typing import Final

_PR_SET_DUMPABLE: Final = 4
_MCL_CURRENT: Final = 1
_MCL_FUTURE: Final = 2
_MCL_ONFAULT: Final = 4  # pages that are used, not all that is mapped; Linux 4.4


def keep_out_of_dumps() -> None:
    """Make this process leave no core file; what the system does not know is left alone."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def keep_out_of_swap() -> bool:
    """Lock this process's memory, now and later; return whether it is locked.

    Only where there is no limit (RLIMIT_MEMLOCK): under one, whoever needs memory beyond it gets
    none, and the process would end instead of being swapped.
    """
    _, most = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    libc = ctypes.CDLL(None)
    if most != resource.RLIM_INFINITY or not hasattr(libc, "mlockall"):
        return False
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (most, most))
    return bool(libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) == 0)
