"""Columns of up to 128 messages as one piece of octets: numbers, and octets of any length.

Layout, little-endian: u32 count; a slot octet for each message, ascending; each column of numbers
as i64; of each column of octets the lengths as u32 (``_NONE``: there is nothing), then each of
these columns joined.  Pure; knows no table and not what a column means.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence
from struct import Struct as Format
from typing import Final

from msgspec import Struct

from mx_core.model.errors import StoreDamaged

_NONE: Final = (1 << 32) - 1
_NONE_OCTETS: Final = b"\xff" * 4
_COUNT_OCTETS: Final = 4
Texts = list[bytes | None]


class Shape(Struct, frozen=True):
    """How many columns of each kind there are."""

    numbers: int
    texts: int


class Packed(Struct, frozen=True):
    """One piece, opened; columns are taken out when they are asked for."""

    shape: Shape
    slots: bytes
    octets: bytes

    def positions(self, slots: Sequence[int]) -> Sequence[int]:
        """Return where each of *slots* stands, a range if they are all; ends before one not here."""
        if bytes(slots) == self.slots:
            return range(len(self.slots))
        found = []
        for slot in slots:
            at = (
                slot
                if len(self.slots) > slot and self.slots[slot] == slot
                else self.slots.find(slot)
            )
            if at < 0:
                break
            found.append(at)
        return found

    def numbers(self, column: int) -> array[int]:
        """Return a column of numbers."""
        count = len(self.slots)
        start = _COUNT_OCTETS + count + column * 8 * count
        return _numbers("q", self.octets[start : start + 8 * count])

    def texts(self, column: int) -> Texts:
        """Return a column of octets."""
        lengths, start = self._lengths(column)
        present, there = _present(lengths), len(lengths)
        # cut by one call, in two thirds of the time that slices take
        texts = list(Format("%ds" * there % tuple(present)).unpack_from(self.octets, start))
        if present is lengths:
            return texts
        return [None if n == _NONE else text for n, text in zip(lengths, texts, strict=True)]

    def text(self, column: int, position: int) -> bytes | None:
        """Return one of a column of octets."""
        lengths, start = self._lengths(column)
        length = lengths[position]
        if length == _NONE:
            return None
        start += _total(lengths[:position])
        return self.octets[start : start + length]

    def without(self, slots: Iterable[int]) -> bytes:
        """Return the same octets packed without those *slots*."""
        gone = set(slots)
        stay = [at for at, slot in enumerate(self.slots) if slot not in gone]
        numbers = [self.numbers(column) for column in range(self.shape.numbers)]
        texts = [self.texts(column) for column in range(self.shape.texts)]
        return pack(
            [self.slots[at] for at in stay],
            [[column[at] for at in stay] for column in numbers],
            [[text[at] for at in stay] for text in texts],
        )

    def _lengths(self, column: int) -> tuple[array[int], int]:
        """Return the lengths in a column of octets, and where its first octet stands."""
        count = len(self.slots)
        first = _COUNT_OCTETS + count + self.shape.numbers * 8 * count
        ends = first + self.shape.texts * 4 * count
        before = _numbers("I", self.octets[first : first + (column + 1) * 4 * count])
        lengths = before[column * count :]
        return lengths, ends + _total(before[: column * count])


def pack(
    slots: Sequence[int], numbers: Sequence[Sequence[int]], texts: Sequence[Sequence[bytes | None]]
) -> bytes:
    """Return the piece that holds these columns of the messages in *slots*, ascending."""
    lengths = array("I", (_NONE if t is None else len(t) for column in texts for t in column))
    values = array("q", (number for column in numbers for number in column))
    if sys.byteorder == "big":
        lengths.byteswap()
        values.byteswap()
    head = len(slots).to_bytes(_COUNT_OCTETS, "little") + bytes(slots)
    joined = (text for column in texts for text in column if text is not None)
    return b"".join((head, values.tobytes(), lengths.tobytes(), *joined))


def unpack(octets: bytes, shape: Shape) -> Packed:
    """Open what ``pack`` made; raises StoreDamaged if it is not whole."""
    count = int.from_bytes(octets[:_COUNT_OCTETS], "little")
    slots = octets[_COUNT_OCTETS : _COUNT_OCTETS + count]
    head = _COUNT_OCTETS + count + count * (8 * shape.numbers + 4 * shape.texts)
    if len(slots) == count and head <= len(octets):
        packed = Packed(shape, slots, octets)
        lengths = _numbers("I", octets[head - 4 * shape.texts * count : head])
        if head + _total(lengths) == len(octets):
            return packed
    raise StoreDamaged("packed columns are not whole")


def _total(lengths: array[int]) -> int:
    return sum(_present(lengths))


def _present(lengths: array[int]) -> Sequence[int]:
    """Return *lengths*, 0 where there is nothing; themselves if that is nowhere."""
    if _NONE_OCTETS not in lengths.tobytes():
        return lengths
    return [0 if each == _NONE else each for each in lengths]


def _numbers(kind: str, octets: bytes) -> array[int]:
    numbers = array(kind, octets)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
