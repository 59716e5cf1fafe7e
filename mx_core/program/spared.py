"""How a program that serves is loaded: without what it never uses, and without looking for garbage.

structlog and httpx import rich, and with it pygments, wherever they find it: 5 MB and a twentieth of
a start, for tracebacks that nobody prints (logs carry places, and no values).
"""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Final, cast

_UNUSED: Final = ("rich", "better_exceptions", "greenlet")


@contextlib.contextmanager
def spared() -> Iterator[None]:
    """Inside, these can not be imported, as where they are not installed; afterwards they can.

    None in ``sys.modules`` says so: Python's reference, 5.3.1, "The module cache".  What is loaded
    already stays.
    """
    absent = [name for name in _UNUSED if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent, cast("ModuleType", None)))
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """As ``spared``, for a whole program: what loads stays, and is never looked through for garbage.

    That took a sixth of a start, and afterwards 50 ms in which nothing else ran, again and again while
    mail came.  Loading leaves no circles.
    """
    gc.disable()
    try:
        with spared():
            yield
        gc.freeze()
    finally:
        gc.enable()
