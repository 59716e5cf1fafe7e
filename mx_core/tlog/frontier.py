"""The right edge of a growing tree: enough to add leaves to and to know its root, and no more.

Who reads a log from its beginning keeps this instead of the log: one hash for each bit of its size.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from mx_core.tlog.merkle import EMPTY_ROOT, leaf_hash, node_hash


class Frontier(Struct, frozen=True):
    """*peaks*: the complete subtrees of the first *size* leaves, the largest first."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def grown(self, entries: Iterable[bytes]) -> Frontier:
        """Return the edge after these log entries."""
        size, peaks = self.size, list(self.peaks)
        for entry in entries:
            peaks.append(leaf_hash(entry))
            count = size
            while count & 1:
                right = peaks.pop()
                peaks.append(node_hash(peaks.pop(), right))
                count >>= 1
            size += 1
        return Frontier(size, tuple(peaks))

    def root(self) -> bytes:
        """Return the root of all leaves."""
        if not self.peaks:
            return EMPTY_ROOT
        *rest, found = self.peaks
        for peak in reversed(rest):
            found = node_hash(peak, found)
        return found
