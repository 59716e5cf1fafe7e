"""Which blocks of a run can hold a term, without reading them; pure.

Four octets that stand together in a block set one of 65,536 rows; a row has a bit for
each of up to 512 blocks (a *group*).  A term can only stand in blocks that have a bit in the rows
of all its fours.  Terms of less than four octets are looked for everywhere.
"""

from __future__ import annotations

import sys
from array import array
from collections import deque
from collections.abc import Iterator
from itertools import repeat
from typing import Final

from mx_core.store.text_index.words import Breathe

GROUP_BLOCKS: Final = 512
ROWS_OF_SLICE: Final = 256  # rows are kept and read in slices
SLICES: Final = 256
_OCTETS: Final = 4
_FACTOR: Final = 0x9E3779B1  # 2³² over the golden ratio: spreads neighbours
_PIECE_OCTETS: Final = 32_768  # that are taken apart at once
_BITS: Final = 8
_HALVES: Final = 4  # of a lane, each of 16 bits
_SECOND_HALF: Final = 1 if sys.byteorder == "little" else 2  # bits 16 to 31


class Group:
    """The rows of up to 512 blocks, as they are made."""

    def __init__(self) -> None:
        self.blocks = 0
        # for eight blocks each: of every row an octet, with a bit for each of them
        self._eights: list[int] = []

    def add(self, words: bytes, breathe: Breathe) -> None:
        """Enter the next block, of which *words* is the vocabulary with its LFs."""
        present = bytearray(ROWS_OF_SLICE * SLICES)
        enter = present.__setitem__
        for start in range(0, len(words), _PIECE_OCTETS):
            for rows in _rows(words, start):
                # no line of ours runs for four octets: there are as many as octets
                deque(map(enter, rows, repeat(1)), maxlen=0)
                breathe()
        eight, bit = divmod(self.blocks, _BITS)
        if bit == 0:
            self._eights.append(0)
        self._eights[eight] |= int.from_bytes(present, "little") << bit
        self.blocks += 1

    def slices(self) -> Iterator[bytes]:
        """Yield the rows packed, in slices; each row has as many octets as the blocks need."""
        width = row_octets(self.blocks)
        packed = bytearray(width * ROWS_OF_SLICE * SLICES)
        for number, eight in enumerate(self._eights):
            packed[number::width] = eight.to_bytes(ROWS_OF_SLICE * SLICES, "little")
        for start in range(0, len(packed), width * ROWS_OF_SLICE):
            yield bytes(packed[start : start + width * ROWS_OF_SLICE])


def row_octets(blocks: int) -> int:
    """Return how many octets a row for *blocks* blocks has."""
    return (blocks + 7) // 8


def rows_of(term: bytes) -> list[tuple[int, int]]:
    """Return (slice, row in it) for each four octets of *term*; nothing for a short term."""
    fours = {term[n : n + _OCTETS] for n in range(len(term) - _OCTETS + 1)}
    return sorted(divmod(_row(four), ROWS_OF_SLICE) for four in fours)


def blocks_of(bits: int) -> Iterator[int]:
    """Yield the numbers of the blocks whose bit is set in *bits*, ascending."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def _rows(words: bytes, start: int) -> Iterator[memoryview]:
    """Yield the row of each four octets that begin in the piece of *words* from *start* on."""
    piece = memoryview(words)[start : start + _PIECE_OCTETS + _OCTETS - 1]
    for shift in range(_OCTETS):
        end = shift + max(len(piece) - shift, 0) // _OCTETS * _OCTETS
        # one long number with a lane of 64 bits for each four: no product leaves its lane
        lanes = array("Q", piece[shift:end].cast("I")).tobytes()
        products = int.from_bytes(lanes, sys.byteorder) * _FACTOR
        halves = memoryview(products.to_bytes(len(lanes), sys.byteorder)).cast("H")
        yield halves[_SECOND_HALF::_HALVES]


def _row(four: bytes) -> int:
    return int.from_bytes(four, sys.byteorder) * _FACTOR >> 16 & 0xFFFF
