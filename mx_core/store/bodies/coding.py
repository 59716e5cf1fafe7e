"""How octets stand in a row: as they are, or as one LZ4 block where that is shorter.

A row keeps the coding and the clear size beside the octets, so what was stored before there was a
choice stays readable.  Knows no table.  docs/decisions/0014-octets-are-compressed-at-rest.md.
"""

from __future__ import annotations

from typing import Final

import lz4.block
from msgspec import Struct

from mx_core.model.errors import StoreDamaged

PLAIN: Final = 0
LZ4: Final = 1
_LEAST: Final = 256  # shorter ones fill no page less
_GAIN: Final = 16  # at least a sixteenth shorter, or it is not worth undoing at each reading


class Block(Struct, frozen=True):
    """One LZ4 block as it stands in a row, of *size* octets; ``model.octets.Packed``."""

    stored: bytes | memoryview
    size: int

    def unpacked(self) -> bytes:
        """See ``decode``."""
        return decode(LZ4, self.stored, self.size)


def encode(octets: bytes) -> tuple[int, bytes]:
    """Return (coding, what to store), the shorter of the two."""
    if len(octets) >= _LEAST:
        packed: bytes = lz4.block.compress(octets, store_size=False)
        if len(packed) <= len(octets) - len(octets) // _GAIN:
            return LZ4, packed
    return PLAIN, octets


def decode(coding: int, stored: bytes | memoryview, size: int) -> bytes:
    """Return the *size* octets that stand as *stored*.

    Raises:
        StoreDamaged: They are not that many, or no coding of ours.
    """
    if coding == PLAIN:
        return bytes(stored)
    try:
        if coding != LZ4:
            raise StoreDamaged(f"there are octets under an unknown coding {coding}")
        octets: bytes = lz4.block.decompress(stored, uncompressed_size=size)
    except lz4.block.LZ4BlockError as error:
        raise StoreDamaged("compressed octets do not open") from error
    if len(octets) != size:
        raise StoreDamaged(f"compressed octets open to {len(octets)}, not {size}")
    return octets


def clear_size(coding: int, stored: bytes, most: int) -> int | None:
    """Return how many octets stand as *stored*, if they open and are not more than *most*."""
    if coding == PLAIN:
        return len(stored)
    try:
        return len(lz4.block.decompress(stored, uncompressed_size=most))
    except lz4.block.LZ4BlockError:
        return None
