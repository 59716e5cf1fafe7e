"""How often somebody may do something: the generic cell rate algorithm (ITU-T I.371, annex A).

One number for each key says when its next cell is due: no window has an edge to gather at, and
an answer to "when then?" comes for free.  In memory only: a restart forgives.  Bounded: when too
many keys are known, the one used longest ago is forgotten first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

from mx_core.model.clock import Now

_MINUTE: Final = 60.0
_KEYS_MAX: Final = 10_000


class Rate:
    """*per_minute* for each key in the long run, *burst* at once.  Owner: the event loop."""

    def __init__(self, per_minute: int, burst: int, now: Now, *, keys_max: int = _KEYS_MAX) -> None:
        """*now* tells seconds; one that jumps back costs nobody more than a burst's time."""
        self._interval = _MINUTE / per_minute
        self._tolerance = self._interval * (burst - 1)
        self._now = now
        self._keys_max = keys_max
        self._due: OrderedDict[Hashable, float] = OrderedDict()

    def wait(self, key: Hashable) -> float:
        """Return 0.0 and count one, or the seconds until one is let in and count nothing."""
        now = self._now()
        due = min(self._due.pop(key, now), now + self._tolerance + self._interval)
        early = max(0.0, due - now - self._tolerance)
        self._due[key] = due if early else max(due, now) + self._interval
        if len(self._due) > self._keys_max:
            self._due.popitem(last=False)
        return early
