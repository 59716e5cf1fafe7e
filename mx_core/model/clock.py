"""The clock as a value that is passed in; pure code never asks for the time itself."""

from __future__ import annotations

from collections.abc import Callable

Now = Callable[[], float]  # unix seconds; ``time.time`` in programs, a fake in tests
