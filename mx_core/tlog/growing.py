"""A log that grows in memory: hashes of complete subtrees, and the map of labels.

A pure function of its leaves: whoever keeps the leaves can make it again, and anyone can replay it.
After each batch a leaf with the root of the map is added, so every tree that is shown ends in one.
"""

from __future__ import annotations

from collections.abc import Iterable

from mx_core.tlog import label_map, merkle
from mx_core.tlog.label_map import Tree, Value
from mx_core.tlog.leaf import BindingLeaf, RootLeaf, parse_leaf
from mx_core.tlog.merkle import HASH_OCTETS


class GrowingLog:
    """See the module.  Not shared between threads."""

    def __init__(self) -> None:
        self.map: Tree = None
        self.size = 0
        self._levels: list[bytearray] = [bytearray()]

    @classmethod
    def replay(cls, leaves: Iterable[bytes]) -> GrowingLog:
        """Return the log of *leaves*.

        Raises:
            Untrusted: ``log-leaf``: a leaf of no known kind.
        """
        log = cls()
        log.follow(leaves)
        return log

    def follow(self, leaves: Iterable[bytes]) -> None:
        """Append entries that are in the log already; raises as ``replay``."""
        for octets in leaves:
            leaf = parse_leaf(octets)
            if isinstance(leaf, BindingLeaf):
                self._enter(leaf)
            self._append(octets)

    def add(self, leaves: Iterable[BindingLeaf]) -> list[bytes]:
        """Append a batch and its map-root leaf; return the entries to keep, in order."""
        entries: list[bytes] = []
        for leaf in leaves:
            self._enter(leaf)
            entries.append(leaf.octets())
            self._append(entries[-1])
        entries.append(RootLeaf(label_map.root_of(self.map), self.size).octets())
        self._append(entries[-1])
        return entries

    def rewind(self, size: int, tree: Tree) -> None:
        """Go back to *size* leaves and the map that stood there: a batch came to nothing."""
        self.size, self.map = size, tree
        for level, hashes in enumerate(self._levels):
            del hashes[(size >> level) * HASH_OCTETS :]

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree; ``merkle.Node``."""
        at = index * HASH_OCTETS
        return bytes(self._levels[level][at : at + HASH_OCTETS])

    def root(self) -> bytes:
        """Return the root of all leaves."""
        return merkle.root(self.size, self.node)

    def next_version(self, label: bytes) -> int:
        """Return the version of the next leaf of *label*."""
        newest = label_map.get(self.map, label)
        return 1 if newest is None else newest.version + 1

    def _enter(self, leaf: BindingLeaf) -> None:
        value = Value(leaf.version, leaf.commitment, self.size)
        self.map = label_map.put(self.map, leaf.label, value)

    def _append(self, entry: bytes) -> None:
        found, level, count = merkle.leaf_hash(entry), 0, self.size
        self._levels[0] += found
        while count & 1:
            count >>= 1
            found = merkle.node_hash(self.node(level, 2 * count), found)
            level += 1
            if level == len(self._levels):
                self._levels.append(bytearray())
            self._levels[level] += found
        self.size += 1
