"""Which blocks of a run can hold a term, without reading them; pure.

Four octets that stand together in a block set one of 65,536 rows; a row has a bit for
each of up to 512 blocks (a *group*).  A term can only stand in blocks that have a bit in the rows
of all its fours.  Terms of less than four octets are looked for everywhere.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

from mx_core.store.text_index.words import Breathe

GROUP_BLOCKS: Final = 512
ROWS_OF_SLICE: Final = 256  # rows are kept and read in slices
SLICES: Final = 256
_OCTETS: Final = 4
_FACTOR: Final = 0x9E3779B1  # 2³² over the golden ratio: spreads neighbours
_PIECE_OCTETS: Final = 32_768  # that are taken apart at once
_PATIENCE: Final = 4_096


class Group:
    """The rows of up to 512 blocks, as they are made."""

    def __init__(self) -> None:
        self.blocks = 0
        self._rows = [0] * (ROWS_OF_SLICE * SLICES)

    def add(self, words: bytes, breathe: Breathe) -> None:
        """Enter the next block, of which *words* is the vocabulary with its LFs."""
        bit = 1 << self.blocks
        rows = self._rows
        for start in range(0, len(words), _PIECE_OCTETS):
            for count, four in enumerate(_fours(words, start)):
                rows[four * _FACTOR >> 16 & 0xFFFF] |= bit
                if count % _PATIENCE == 0:
                    breathe()
        self.blocks += 1

    def slices(self) -> Iterator[bytes]:
        """Yield the rows packed, in slices; each row has as many octets as the blocks need."""
        width = row_octets(self.blocks)
        for start in range(0, len(self._rows), ROWS_OF_SLICE):
            rows = self._rows[start : start + ROWS_OF_SLICE]
            yield b"".join(row.to_bytes(width, "little") for row in rows)


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


def _fours(words: bytes, start: int) -> set[int]:
    """Return, as numbers, each four octets that begin in the piece of *words* from *start* on."""
    piece = memoryview(words)[start : start + _PIECE_OCTETS + _OCTETS - 1]
    fours: set[int] = set()
    for shift in range(_OCTETS):
        end = shift + max(len(piece) - shift, 0) // _OCTETS * _OCTETS
        fours.update(piece[shift:end].cast("I"))
    return fours


def _row(four: bytes) -> int:
    return int.from_bytes(four, sys.byteorder) * _FACTOR >> 16 & 0xFFFF
