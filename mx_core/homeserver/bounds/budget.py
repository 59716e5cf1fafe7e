"""How many distinct names somebody may ask for in an hour.

In memory only: a restart forgives.  Bounded: when too many askers are known, the ones that
asked longest ago are forgotten first.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from mx_core.model.clock import Now

_HOUR: Final = 3_600.0
_ASKERS_MAX: Final = 10_000
_MISS_COST: Final = 3


class NameBudget:
    """Distinct names an hour for each asker; a miss costs as much as three hits."""

    def __init__(self, per_hour: int, now: Now) -> None:
        self._per_hour = per_hour
        self._now = now
        # asker → name → (cost, when it is forgotten)
        self._asked: OrderedDict[str, OrderedDict[str, tuple[int, float]]] = OrderedDict()

    def wait(self, asker: str, name: str) -> int:
        """Return 0 if *asker* may ask for *name* now, else the seconds to wait."""
        names = self._names(asker)
        if name in names:
            return 0  # asked already: what it learns is nothing new
        if sum(cost for cost, _ in names.values()) < self._per_hour:
            return 0
        _, until = next(iter(names.values()))
        return max(1, int(until - self._now()) + 1)

    def spend(self, asker: str, name: str, *, found: bool) -> None:
        """Count what was asked."""
        names = self._names(asker)
        if name not in names:
            names[name] = (1 if found else _MISS_COST, self._now() + _HOUR)

    def _names(self, asker: str) -> OrderedDict[str, tuple[int, float]]:
        names = self._asked.setdefault(asker, OrderedDict())
        self._asked.move_to_end(asker)
        if len(self._asked) > _ASKERS_MAX:
            self._asked.popitem(last=False)
        now = self._now()
        while names and next(iter(names.values()))[1] <= now:
            names.popitem(last=False)
        return names
