"""One key of many messages, packed: a run of message ids, and what stands for each.

Immutable once made.  A text column is one piece of octets, so that a search through thousands
of messages is one ``find``; ids are cut into chunks, because rows never change and ids only grow.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Final

from mx_core.model import header_keys
from mx_core.model.header_keys import ThreadTable

_BLOCK: Final = 256
CHUNK_BITS: Final = 12  # of a message id below those that number its chunk


@dataclass(frozen=True, slots=True, eq=False)
class TextColumn:
    """Octets of the messages from ``first`` on; absent ones are empty."""

    first: int
    octets: bytes
    starts: array[int]  # of each message, and the length

    @property
    def end(self) -> int:
        """Return the id behind the last."""
        return self.first + len(self.starts) - 1

    @property
    def size(self) -> int:
        """Return how much memory it takes, about."""
        return len(self.octets) + 4 * len(self.starts)

    def texts(self, low: int, high: int) -> list[bytes]:
        """Return the octets of the messages from *low* up to *high* that are in reach."""
        octets = self.octets
        starts = self.starts[max(low - self.first, 0) : max(high - self.first, 0) + 1]
        return [octets[start:end] for start, end in pairwise(starts)]

    def holding(self, wanted: bytes) -> list[int]:
        """Return the messages whose octets hold *wanted*; all that are not empty if it is b""."""
        octets, starts, first = self.octets, self.starts, self.first
        if not wanted:
            return [first + at for at in range(len(starts) - 1) if starts[at] < starts[at + 1]]
        found: list[int] = []
        at = octets.find(wanted)
        while at >= 0:
            row = bisect_right(starts, at) - 1  # the mark keeps it from reaching into the next
            found.append(first + row)
            at = octets.find(wanted, starts[row + 1])
        return found


@dataclass(slots=True, eq=False)
class NumberColumn:
    """A size or time of the messages from ``first`` on; what stands for absent ones is not said.

    Times rise nearly always: the least and the most of each block decide of nearly all blocks.
    """

    first: int
    numbers: array[int]
    _bounds: list[tuple[int, int]] = field(default_factory=list, init=False)

    @property
    def end(self) -> int:
        """Return the id behind the last."""
        return self.first + len(self.numbers)

    @property
    def size(self) -> int:
        """Return how much memory it takes, about."""
        return self.numbers.itemsize * len(self.numbers)

    def within(self, start: int, stop: int, holds: range) -> bytearray:
        """Return for each message from id *start* up to *stop*, that is in reach, 1 or 0."""
        if not self._bounds:
            blocks = (self.numbers[n : n + _BLOCK] for n in range(0, len(self.numbers), _BLOCK))
            self._bounds = [(min(block), max(block)) for block in blocks]
        octets = bytearray()
        at, last = max(start - self.first, 0), min(stop - self.first, len(self.numbers))
        low, high = holds.start, holds.stop
        while at < last:
            least, most = self._bounds[at // _BLOCK]
            end = min((at // _BLOCK + 1) * _BLOCK, last)
            if low <= least and most < high:
                octets += b"\1" * (end - at)
            elif most < low or high <= least:
                octets += bytes(end - at)
            else:
                octets += bytes([low <= each < high for each in self.numbers[at:end]])
            at = end
        return octets


@dataclass(frozen=True, slots=True, eq=False)
class ThreadColumn:
    """What joins the messages from ``first`` on to others; absent ones are joined to none."""

    first: int
    table: ThreadTable

    @property
    def end(self) -> int:
        """Return the id behind the last."""
        return self.first + len(self.table)

    @property
    def size(self) -> int:
        """Return how much memory it takes, about."""
        return 21 * len(self.table) + 12 * len(self.table.references)

    def threads(self, low: int, high: int) -> ThreadTable:
        """Return what joins the messages from *low* up to *high* that are in reach."""
        return self.table.cut(max(low - self.first, 0), min(high, self.end) - self.first)


Column = TextColumn | NumberColumn | ThreadColumn


def text_column(
    first: int, messages: Sequence[int], octets: bytes, lengths: Iterable[int]
) -> TextColumn:
    """Return the column of ascending *messages*, whose texts are joined; it ends with the last."""
    if not messages:
        return TextColumn(first, b"", array("I", [0]))
    spread = _spread(first, messages, lengths)
    return TextColumn(first, octets, array("I", accumulate(spread, initial=0)))


def number_column(first: int, messages: Sequence[int], numbers: Iterable[int]) -> NumberColumn:
    """Return the column of ascending *messages*; it ends with the last of them."""
    return NumberColumn(first, array("q", _spread(first, messages, numbers) if messages else ()))


def thread_column(first: int, table: ThreadTable) -> ThreadColumn:
    """Return the column of *table*, whose messages are those from *first* on."""
    return ThreadColumn(first, header_keys.with_neighbours(table))


def joined(one: Column, more: Column) -> Column:
    """Return *one* with *more* of its kind, which begins right behind it."""
    if isinstance(one, TextColumn) and isinstance(more, TextColumn):
        shift = one.starts[-1]
        starts = one.starts[:-1] + array("I", [start + shift for start in more.starts])
        return TextColumn(one.first, one.octets + more.octets, starts)
    if isinstance(one, ThreadColumn) and isinstance(more, ThreadColumn):
        return thread_column(one.first, header_keys.joined((one.table, more.table)))
    assert isinstance(one, NumberColumn)  # noqa: S101  # as more is
    assert isinstance(more, NumberColumn)  # noqa: S101  # by its kind
    return NumberColumn(one.first, one.numbers + more.numbers)


def _spread(first: int, messages: Sequence[int], numbers: Iterable[int]) -> Iterable[int]:
    """Return a number for each id from *first* to the last of *messages*, 0 where there is none."""
    if messages[0] == first and messages[-1] - first == len(messages) - 1:
        return numbers
    spread = [0] * (messages[-1] - first + 1)
    for message, number in zip(messages, numbers, strict=True):
        spread[message - first] = number
    return spread
