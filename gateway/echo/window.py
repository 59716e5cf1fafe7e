"""How many answers an echo gives in one hour: to each person, and to all.  Pure.

Counted in memory, in whole hours, and only what was answered: the table is never longer than
``EVERYBODY_PER_HOUR``.  A restart begins a new hour.
"""

from __future__ import annotations

from typing import Final

from mx_core.model.address import Address

EACH_PER_HOUR: Final = 6  # two programs that answer each other stop here
EVERYBODY_PER_HOUR: Final = 600
_HOUR_SECONDS: Final = 3600


class Window:
    """The answers of the present hour.  Owner: the task that answers."""

    def __init__(self) -> None:
        self._hour = -1
        self._given: dict[Address, int] = {}
        self._all = 0

    def admits(self, whom: Address, now: float) -> bool:
        """Count one answer to *whom* at unix second *now*, if there is room for it."""
        hour = int(now // _HOUR_SECONDS)
        if hour != self._hour:
            self._hour, self._given, self._all = hour, {}, 0
        given = self._given.get(whom, 0)
        if given >= EACH_PER_HOUR or self._all >= EVERYBODY_PER_HOUR:
            return False
        self._given[whom] = given + 1
        self._all += 1
        return True
