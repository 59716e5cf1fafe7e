"""Octets that need not be in memory: what can tell its length and give any slice of itself.

``bytes`` are such; so is a sealed file that is opened piece by piece.  Whoever wants all of them
goes through ``pieces``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol, TypeAlias

PIECE_OCTETS: Final = 256 * 1024
LONG_OCTETS: Final = 1024 * 1024  # of what is longer no more than pieces need be in memory


class Sliced(Protocol):
    """As much of ``bytes`` as a reader of pieces asks for; a slice has no step."""

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> bytes: ...


Octets: TypeAlias = bytes | Sliced


class Packed(Protocol):
    """Octets that were read as they are stored, for whoever sends them to unpack: on another thread than who reads."""

    def unpacked(self) -> bytes:
        """Return all of them; raises StoreDamaged."""


def unpacked(octets: bytes | Packed) -> bytes:
    """Return *octets* as they are sent; raises StoreDamaged."""
    return octets if isinstance(octets, bytes) else octets.unpacked()


def pieces(octets: Octets) -> Iterator[bytes]:
    """Yield *octets* in order, PIECE_OCTETS at a time; ``bytes`` of a row at once."""
    if isinstance(octets, bytes) and len(octets) <= PIECE_OCTETS:
        yield octets
        return
    for start in range(0, len(octets), PIECE_OCTETS):
        yield octets[start : start + PIECE_OCTETS]


def whole(octets: Octets) -> bytes:
    """Return all of *octets*, in memory."""
    return octets if isinstance(octets, bytes) else octets[0 : len(octets)]
