"""One key of many messages, packed: a run of message ids, and what stands for each.

Immutable once made.  A text column is one piece of octets, so that a search through thousands
of messages is one ``find``; ids are cut into chunks, because rows never change and ids only grow.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from mx_core.model.header_keys import NO_DAY, OrderNumber

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


@dataclass(frozen=True, slots=True, eq=False)
class NumberColumns:
    """Sizes and times of the messages from ``first`` on; absent ones are 0."""

    first: int
    columns: tuple[array[int], ...]  # in the order of OrderNumber

    @property
    def end(self) -> int:
        """Return the id behind the last."""
        return self.first + len(self.columns[0])

    @property
    def size(self) -> int:
        """Return how much memory it takes, about."""
        return sum(column.itemsize * len(column) for column in self.columns)


Column = TextColumn | NumberColumns


def text_column(first: int, rows: Sequence[Sequence[Any]]) -> TextColumn:
    """Return the column of *rows*, (message, octets), ascending; it ends with the last of them."""
    starts = array("I")
    at = 0
    for message, octets in rows:
        starts.extend([at] * (message - first - len(starts) + 1))
        at += len(octets)
    starts.append(at)
    return TextColumn(first, b"".join([row[1] for row in rows]), starts)


def number_columns(first: int, rows: Sequence[Sequence[Any]]) -> NumberColumns:
    """Return the columns of *rows*: (message, size, arrived, sent or None, day), ascending."""
    count = rows[-1][0] - first + 1 if rows else 0
    sizes, arrived, sent = (array("q", bytes(8 * count)) for _ in range(3))
    days = array("i", [NO_DAY]) * count
    for message, size, at, written, day in rows:
        place = message - first
        sizes[place], arrived[place], days[place] = size, at, day
        sent[place] = at if written is None else written
    return NumberColumns(first, (sizes, arrived, sent, days))


def column_of(kind: object, first: int, rows: Sequence[Sequence[Any]]) -> Column:
    """Return the column of *kind* that *rows* make."""
    return number_columns(first, rows) if kind is OrderNumber else text_column(first, rows)


def joined(one: Column, more: Column) -> Column:
    """Return *one* with *more* of its kind, which begins right behind it."""
    if isinstance(one, TextColumn) and isinstance(more, TextColumn):
        shift = one.starts[-1]
        starts = one.starts[:-1] + array("I", [start + shift for start in more.starts])
        return TextColumn(one.first, one.octets + more.octets, starts)
    assert isinstance(one, NumberColumns)  # noqa: S101  # as more is
    assert isinstance(more, NumberColumns)  # noqa: S101  # by its kind
    pairs = zip(one.columns, more.columns, strict=True)
    return NumberColumns(one.first, tuple(before + after for before, after in pairs))
