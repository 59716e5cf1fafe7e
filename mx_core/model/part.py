"""Columns of a mailbox's state, cut into parts of up to 1,024 messages.

22 octets a message and 8 more once somebody has asked for the set of each, as long as flag sets are interned.  Invariants: UIDs ascend within and
across parts; no part of a snapshot is empty; columns are never changed once they are in one.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, compress
from operator import attrgetter, is_not
from typing import Any, Final, Generic, TypeVar, overload

from typing_extensions import override

from mx_core.model.flag_column import FlagColumn, Turns
from mx_core.model.flags import FlagSet

T = TypeVar("T")
PART_MAX: Final = 1024


@dataclass(slots=True, eq=False)
class Part:
    """Up to 1,024 neighbours, a column each; whoever has one changes nothing in it."""

    uids: array[int]
    messages: array[int]
    modseqs: array[int]
    column: FlagColumn
    max_modseq: int
    latest: tuple[int, int] | None = None  # index of the only one at it, and what no other is above
    _run: range | None = None

    def __len__(self) -> int:
        return len(self.uids)

    @property
    def flags(self) -> tuple[FlagSet, ...]:
        """Return the flag set of each."""
        return self.column.flags

    @property
    def kinds(self) -> frozenset[FlagSet]:
        """Return the flag sets that occur."""
        return self.column.met

    @property
    def run(self) -> range:
        """Return the ids of the messages if each follows the one before, else an empty range."""
        if self._run is None:
            first = self.messages[0]
            run = range(first, first + len(self))
            follows = self.messages[-1] == run[-1] and array("Q", run) == self.messages
            self._run = run if follows else range(0)
        return self._run

    @property
    def is_even(self) -> bool:
        """Tell whether all changed last at once."""
        return self.modseqs == array("Q", [self.max_modseq]) * len(self)

    def reflagged(self, modseq: int, uids: array[int], turns: Turns) -> Part:
        """Return the part with the flags of the ascending *uids* changed as *turns* says, under *modseq*.

        What is not there is ignored; if nothing is, this part is returned.
        """
        if uids == self.uids:
            every = array("Q", [modseq]) * len(uids)
            return Part(self.uids, self.messages, every, self.column.turned(turns), modseq)
        places = self.where(uids)
        if not places:
            return self
        modseqs = self.modseqs[:]
        for at in places:
            modseqs[at] = modseq
        column = self.column.turned_at(places, turns)
        latest = (places[0], self.max_modseq) if len(places) == 1 else None
        return Part(self.uids, self.messages, modseqs, column, modseq, latest)

    def joined(self, after: Part) -> Part:
        """Return both as one part."""
        return Part(
            self.uids + after.uids,
            self.messages + after.messages,
            self.modseqs + after.modseqs,
            self.column.joined(after.column),
            max(self.max_modseq, after.max_modseq),
        )

    def where(self, uids: Sequence[int]) -> list[int]:
        """Return the indices, ascending, of those of the ascending *uids* that are there."""
        if len(uids) * 8 > len(self):
            wanted = set(uids)
            return [at for at, uid in enumerate(self.uids) if uid in wanted]
        column = self.uids
        places: list[int] = []
        for uid in uids:
            at = bisect_left(column, uid)
            if at < len(column) and column[at] == uid:
                places.append(at)
        return places

    def only(self, places: Sequence[int]) -> Part:
        """Return the part with the ascending indices *places*, at least one."""
        if len(places) == len(self):
            return self
        first, end = places[0], places[-1] + 1
        if end - first == len(places):
            cut = slice(first, end)
            modseqs = self.modseqs[cut]
            flags = self.column.cut(cut)
            return Part(self.uids[cut], self.messages[cut], modseqs, flags, max(modseqs))
        modseqs = array("Q", [self.modseqs[at] for at in places])
        return Part(
            array("I", [self.uids[at] for at in places]),
            array("Q", [self.messages[at] for at in places]),
            modseqs,
            self.column.only(places),
            max(modseqs),
        )

    def without(self, places: Sequence[int]) -> Part:
        """Return the part without the ascending indices *places*, which are not all."""
        if len(places) * 2 > len(self):  # those that stay are fewer
            out = set(places)
            return self.only([at for at in range(len(self)) if at not in out])
        uids, messages, modseqs = self.uids[:], self.messages[:], self.modseqs[:]
        flags = list(self.flags)
        for at in reversed(places):
            del uids[at], messages[at], modseqs[at], flags[at]
        return Part(uids, messages, modseqs, FlagColumn(tuple(flags)), max(modseqs))


def parts_of(
    uids: array[int], messages: array[int], modseqs: array[int], flags: Sequence[FlagSet]
) -> tuple[Part, ...]:
    """Cut whole columns into parts."""
    sets = tuple(flags)
    cuts = [slice(start, start + PART_MAX) for start in range(0, len(uids), PART_MAX)]
    return tuple(
        Part(uids[cut], messages[cut], modseqs[cut], FlagColumn(sets[cut]), max(modseqs[cut]))
        for cut in cuts
    )


def apart(one: tuple[Part, ...], other: tuple[Part, ...]) -> tuple[list[Part], list[Part]]:
    """Return the parts that only *one* has, and those that only *other* has, each in order.

    A change leaves nearly all parts where they were, and there they are looked for first.
    """
    differ = list(map(is_not, one, other))
    mine = [*compress(one, differ), *one[len(differ) :]]
    theirs = [*compress(other, differ), *other[len(differ) :]]
    if len(mine) <= 1 and len(theirs) <= 1:
        return mine, theirs
    known, there = set(mine), set(theirs)
    left = [part for part in mine if part not in there]
    return left, [part for part in theirs if part not in known]


def among(column: Sequence[Any], chosen: Chosen) -> Sequence[Any]:
    """Return what *column* of a part has at *chosen*."""
    if chosen is ALL:
        return column
    return column[chosen] if isinstance(chosen, slice) else list(map(column.__getitem__, chosen))


# Ascending indices in a part.  A slice has no step; of the whole part it is ALL.
Chosen = slice | list[int]
ALL: Final = slice(None)
NO_PART: Final = Part(array("I"), array("Q"), array("Q"), FlagColumn(()), 0)


class Column(Sequence[T], Generic[T]):
    """One column of all parts, in order of sequence number."""

    __slots__ = ("_column", "_parts", "_starts")

    def __init__(self, parts: Sequence[Part], starts: Sequence[int], name: str) -> None:
        self._parts = parts
        self._starts = starts  # and the length behind them
        self._column: Callable[[Part], Sequence[T]] = attrgetter(name)

    @override
    def __len__(self) -> int:
        return self._starts[-1]

    @override
    def __iter__(self) -> Iterator[T]:
        return chain.from_iterable(map(self._column, self._parts))

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[T]: ...
    @override
    def __getitem__(self, at: int | slice) -> T | Sequence[T]:
        if isinstance(at, slice):
            return tuple(self)[at]
        if at < 0:
            at += len(self)
        part = bisect_right(self._starts, at) - 1
        return self._column(self._parts[part])[at - self._starts[part]]

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # compared by value, as a list is
