"""Octets of a message that is too long to be held in memory, on their way into a store."""

from __future__ import annotations

from typing import Protocol


class LongOctets(Protocol):
    """Whoever writes them also ends it: by handing them over, or by ``discard``."""

    @property
    def size(self) -> int:
        """Return how many octets were written."""

    def write(self, octets: bytes) -> None:
        """Add *octets*, sealed on the disk at once; raises DiskFull."""

    def whole(self) -> bytes:
        """Return all of them, in memory after all; blocks.  Nothing is written any more."""

    def discard(self) -> None:
        """Remove what was written, unless it was taken over; harmless when done twice."""
