"""The event loop of a program that answers people while threads of its own work."""

from __future__ import annotations

import asyncio
import sys
from typing import Any, Final

from mx_core.program.memory import keep_freed_blocks

# The longest that whoever wants the interpreter waits while another thread computes.  With
# Python's own 5 ms, SELECT took 13 ms in one case of ten while mail was being indexed; now 0.7.
TURN_SECONDS: Final = 0.0005


def runner() -> asyncio.Runner:
    """Return what runs the program: on uvloop where it is installed."""
    sys.setswitchinterval(TURN_SECONDS)
    keep_freed_blocks()
    return asyncio.Runner(loop_factory=_fastest())


def _fastest() -> Any:
    try:
        import uvloop  # noqa: PLC0415  # an extra, worth about a quarter
    except ImportError:
        return None
    return uvloop.new_event_loop
