"""The flag sets of neighbours in a mailbox: one for each, or which there are and which of them each has.

Few sets occur among a thousand messages.  A change of all their flags turns those few, and looks at
no message; whoever wants one set for each has it made once.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from mx_core.model.flags import FlagSet

_KINDS_MAX: Final = 2_048  # beyond them, sets that nobody has any more are looked for
_FEW: Final = 8  # one in so many: rather asked for than all made
Turns = Mapping[FlagSet, FlagSet]  # of each set that is changed, what it becomes


class FlagColumn:
    """Immutable.  Made of a set for each message, or by :meth:`turned` of another."""

    __slots__ = ("_flags", "_kinds", "_met", "_which")

    def __init__(self, flags: tuple[FlagSet, ...] | None) -> None:
        self._flags = flags
        self._which: array[int] | None = None
        self._kinds: tuple[FlagSet, ...] = ()
        self._met: frozenset[FlagSet] | None = None

    @classmethod
    def _coded(cls, kinds: tuple[FlagSet, ...], which: array[int]) -> FlagColumn:
        made = cls(None)
        made._kinds, made._which = kinds, which
        return made

    def __getitem__(self, at: int) -> FlagSet:
        """Return the set of one."""
        return self._kinds[self.which[at]] if self._flags is None else self._flags[at]

    def __iter__(self) -> Iterator[FlagSet]:
        """Yield the set of each."""
        return iter(self.flags)

    @property
    def flags(self) -> tuple[FlagSet, ...]:
        """Return the set of each."""
        if self._flags is None:
            self._flags = tuple(map(self._kinds.__getitem__, self.which))
        return self._flags

    @property
    def which(self) -> array[int]:
        """Return for each the index of its set in `kinds`."""
        if self._which is None:
            flags = self.flags
            self._kinds = tuple(dict.fromkeys(flags))
            places = {kind: at for at, kind in enumerate(self._kinds)}
            self._which = array("H", map(places.__getitem__, flags))
        return self._which

    @property
    def kinds(self) -> tuple[FlagSet, ...]:
        """Return the sets: all that occur, and maybe some that do not; one may stand twice."""
        if self._which is None:
            _ = self.which
        return self._kinds

    @property
    def likely(self) -> Collection[FlagSet]:
        """Return the sets that occur, and maybe some that did before a change; costs no look at each."""
        return self.met if self._which is None else self._kinds

    @property
    def met(self) -> frozenset[FlagSet]:
        """Return the sets that occur."""
        if self._met is None:
            if self._which is None:
                self._met = frozenset(self.flags)
            else:
                self._met = frozenset(map(self._kinds.__getitem__, set(self._which)))
        return self._met

    def among(self, chosen: slice | list[int]) -> Sequence[FlagSet]:
        """Return the sets of those that are chosen, of a few without making those of all."""
        if isinstance(chosen, slice):
            return self.flags[chosen]
        if len(chosen) * _FEW > len(self.which):
            return list(map(self.flags.__getitem__, chosen))
        return list(map(self.__getitem__, chosen))

    def cut(self, inside: slice) -> FlagColumn:
        """Return the sets of a slice of the messages."""
        if self._which is None:
            return FlagColumn(self.flags[inside])
        return self._coded(self._kinds, self._which[inside])

    def only(self, places: Sequence[int]) -> FlagColumn:
        """Return the sets of those at *places*."""
        return FlagColumn(tuple(map(self.flags.__getitem__, places)))

    def joined(self, after: FlagColumn) -> FlagColumn:
        """Return the sets of these messages and of those *after* them."""
        if self._which is None:
            return FlagColumn(self.flags + after.flags)
        kinds = list(self._kinds)
        places = [_place(kinds, kind) for kind in after.kinds]
        which = self._which + array("H", map(places.__getitem__, after.which))
        return self._coded(tuple(kinds), which)

    def turned(self, turns: Turns) -> FlagColumn:
        """Return them after a change of all; a set that nobody has may be missing in *turns*."""
        which = self.which
        return self._coded(tuple([turns.get(kind, kind) for kind in self._kinds]), which)

    def turned_at(self, places: Sequence[int], turns: Turns) -> FlagColumn:
        """Return them after a change of those at *places*."""
        which, kinds = self.which[:], list(self._kinds)
        if len(kinds) > _KINDS_MAX:
            return FlagColumn(self.flags).turned_at(places, turns)
        became: dict[int, int] = {}
        for at in places:
            number = which[at]
            if number not in became:
                became[number] = _place(kinds, turns[kinds[number]])
            which[at] = became[number]
        return self._coded(tuple(kinds), which)


def _place(kinds: list[FlagSet], kind: FlagSet) -> int:
    """Return where *kind* stands among *kinds*, to which it is added if it does not."""
    try:
        return kinds.index(kind)
    except ValueError:
        kinds.append(kind)
        return len(kinds) - 1
