"""What FETCH made once and will be asked again, in bounded memory shared by all sessions.

A *shelf* holds octets of one kind by a key that never means anything else later: pieces of
answers by message, whole answers by the part of a snapshot they tell.  All of it is derived.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Final

OCTETS_MAX: Final = 64 * 1024 * 1024
AHEAD_MAX: Final = 16  # connections that have pieces of a message in hand
_OVERHEAD: Final = 200  # of a key, its place in the table and the objects around the octets


class Shelf:
    """One kind; used by the event loop alone."""

    __slots__ = ("items", "octets")

    def __init__(self) -> None:
        self.items: dict[Any, Any] = {}
        self.octets = 0


class Shelves:
    """All shelves of a process; the one unused for longest goes first."""

    def __init__(self, octets_max: int = OCTETS_MAX, ahead_max: int = AHEAD_MAX) -> None:
        self._octets_max = octets_max
        self.ahead_max = ahead_max
        self.ahead = 0  # how many connections read ahead; see ``ahead``
        self._shelves: OrderedDict[Hashable, Shelf] = OrderedDict()
        self.octets = 0

    def shelf(self, kind: Hashable) -> Shelf:
        """Return the shelf of *kind*, empty if it is new."""
        found = self._shelves.get(kind)
        if found is None:
            found = self._shelves[kind] = Shelf()
        self._shelves.move_to_end(kind)
        return found

    def put(self, kind: Hashable, items: Iterable[tuple[Hashable, Any, int]]) -> None:
        """Keep (key, value, octets of the value); a shelf too big alone starts over."""
        shelf = self.shelf(kind)
        added = 0
        for key, value, octets in items:
            if key not in shelf.items:
                shelf.items[key] = value
                added += octets + _OVERHEAD
        self._weigh(shelf, added)

    def put_pieces(
        self, kind: Hashable, keys: Sequence[Hashable], columns: Sequence[Sequence[Any]]
    ) -> None:
        """As ``put``, of pieces by the thousand: a tuple for each of the first of *keys*, each once.

        Of each of *columns* it has one; columns are of octets, or of numbers, which weigh nothing.
        """
        shelf = self.shelf(kind)
        if not shelf.items.keys().isdisjoint(keys):  # another session was faster
            items = dict(zip(keys, zip(*columns, strict=True), strict=False))
            for known in items.keys() & shelf.items.keys():
                del items[known]
            keys, columns = [*items], list(zip(*items.values(), strict=True))
        shelf.items.update(zip(keys, zip(*columns, strict=True), strict=False))
        octets = sum(sum(map(len, each)) for each in columns if isinstance(each[0], bytes))
        self._weigh(shelf, octets + _OVERHEAD * (len(columns[0]) if columns else 0))

    def _weigh(self, shelf: Shelf, added: int) -> None:
        shelf.octets += added
        self.octets += added
        while self.octets > self._octets_max:
            _, oldest = self._shelves.popitem(last=False)
            self.octets -= oldest.octets
