"""A log that grows in memory: hashes of complete subtrees, and the map of labels.

A pure function of its leaves: whoever keeps the leaves can make it again, and anyone can replay it.
After each batch a leaf with the root of the map is added, so every tree that is shown ends in one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mx_core.model.errors import Untrusted
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
            Untrusted: ``log-leaf``: a leaf of no known kind, or of another map.
        """
        log = cls()
        log.follow(leaves)
        return log

    def follow(self, leaves: Iterable[bytes]) -> None:
        """Append entries that are in the log already; raises as ``replay``.

        The map is made once, from the newest leaf of each label, so a long log is read in a time
        that hardly depends on how it came to be.  It has to be what the last entry says.
        """
        newest: dict[bytes, Value] = {}
        entries: list[bytes] = []
        leaf: BindingLeaf | RootLeaf | None = None
        for index, octets in enumerate(leaves, self.size):
            leaf = parse_leaf(octets)
            if isinstance(leaf, BindingLeaf):
                newest[leaf.label] = Value(leaf.version, leaf.commitment, index)
            entries.append(octets)
        tree = label_map.put(self.map, newest)
        if isinstance(leaf, RootLeaf) and leaf.map_root != label_map.root_of(tree):
            raise Untrusted("log-leaf", "a log entry that names another map than the leaves make")
        self.map = tree
        self._append(entries)

    def add(self, leaves: Iterable[BindingLeaf]) -> list[bytes]:
        """Append a batch and its map-root leaf; return the entries to keep, in order."""
        newest: dict[bytes, Value] = {}
        entries: list[bytes] = []
        for index, leaf in enumerate(leaves, self.size):
            newest[leaf.label] = Value(leaf.version, leaf.commitment, index)
            entries.append(leaf.octets())
        self.map = label_map.put(self.map, newest)
        root = label_map.root_of(self.map)
        entries.append(RootLeaf(root, self.size + len(entries)).octets())
        self._append(entries)
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

    def _append(self, entries: Sequence[bytes]) -> None:
        """Add the hashes of *entries*, and of every subtree that they complete."""
        self._levels[0] += b"".join(map(merkle.leaf_hash, entries))
        self.size += len(entries)
        level = 1
        while complete := self.size >> level:
            if level == len(self._levels):
                self._levels.append(bytearray())
            here = self._levels[level]
            for at in range(len(here) // HASH_OCTETS, complete):
                pair = self.node(level - 1, 2 * at), self.node(level - 1, 2 * at + 1)
                here += merkle.node_hash(*pair)
            level += 1
