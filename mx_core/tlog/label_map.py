"""The map of a log: what is the newest leaf of a label, and that another label has none.

Identity §4.  A binary tree over the bits of the label, most significant first; a subtree with one
label is that label, so a path is about log2(labels) hashes long.  Maps are values: ``put`` gives
a new one and leaves the old one as it was, so a proof can be made of any state that is still held.

Failure class: ``map-proof``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final, TypeAlias

from msgspec import Struct

from mx_core.model.errors import Untrusted

LABEL_OCTETS: Final = 32
LABEL_BITS: Final = 256
EMPTY: Final = bytes(32)
_COMMITMENT: Final = LABEL_OCTETS + 4  # where it begins behind a label and a version
_INDEX_OCTETS: Final = 8


class Value(Struct, frozen=True):
    """What the map says of a label: its newest leaf."""

    version: int
    commitment: bytes
    leaf_index: int

    def octets(self) -> bytes:
        """Return ``version u32 || commitment || leaf index u64``."""
        return (
            self.version.to_bytes(4, "big") + self.commitment + self.leaf_index.to_bytes(8, "big")
        )


class Single(Struct, frozen=True, gc=False):
    """A subtree with one label, as short as it is signed: a log keeps one for everybody it names."""

    octets: bytes  # label || Value

    @property
    def label(self) -> bytes:
        """Return whose it is."""
        return self.octets[:LABEL_OCTETS]

    @property
    def value(self) -> Value:
        """Return what the map says of it."""
        version, at = self.octets[LABEL_OCTETS:_COMMITMENT], len(self.octets) - _INDEX_OCTETS
        commitment, index = self.octets[_COMMITMENT:at], self.octets[at:]
        return Value(int.from_bytes(version, "big"), commitment, int.from_bytes(index, "big"))

    @property
    def hash(self) -> bytes:
        """Return its hash."""
        return _hash_of_one(self.octets)


class Fork(Struct, frozen=True, gc=False):  # it leads to no circle
    """A subtree with at least two labels."""

    left: Tree
    right: Tree
    hash: bytes


Tree: TypeAlias = Single | Fork | None


class Path(Struct, frozen=True):
    """Siblings from the root down, and what stands at the end: a label, or nothing."""

    siblings: tuple[bytes, ...]
    terminal: tuple[bytes, Value] | None


# ── made by the log ──────────────────────────────────────────────────────────────────
def root_of(tree: Tree) -> bytes:
    """Return the root hash of *tree*."""
    return EMPTY if tree is None else tree.hash


def put(tree: Tree, newest: Mapping[bytes, Value]) -> Tree:
    """Return *tree* with what each label of *newest* has there as its newest.

    A subtree that several of them change is made once, and not once for each.
    """
    return _with(tree, sorted(newest.items()), 0)


def get(tree: Tree, label: bytes) -> Value | None:
    """Return the newest of *label*."""
    at, depth = tree, 0
    while isinstance(at, Fork):
        at, depth = (at.right if _bit(label, depth) else at.left), depth + 1
    return at.value if at is not None and at.label == label else None


def path_to(tree: Tree, label: bytes) -> Path:
    """Return the proof of what *tree* says of *label*, or that it says nothing."""
    siblings: list[bytes] = []
    at = tree
    while isinstance(at, Fork):
        near, far = (at.right, at.left) if _bit(label, len(siblings)) else (at.left, at.right)
        siblings.append(root_of(far))
        at = near
    return Path(tuple(siblings), None if at is None else (at.label, at.value))


def _with(tree: Tree, values: Sequence[tuple[bytes, Value]], depth: int) -> Tree:
    """Return the subtree at *depth* with *values*, in the order of their labels, beneath it."""
    if not values:
        return tree
    left = right = None
    if isinstance(tree, Fork):
        left, right = tree.left, tree.right
    elif tree is not None and all(label != tree.label for label, _ in values):
        values = sorted([*values, (tree.label, tree.value)])
    if len(values) == 1 and not isinstance(tree, Fork):
        [(label, value)] = values
        return Single(label + value.octets())
    middle = bisect_left(values, 1, key=lambda one: _bit(one[0], depth))
    return _fork(_with(left, values[:middle], depth + 1), _with(right, values[middle:], depth + 1))


def _fork(left: Tree, right: Tree) -> Fork:
    return Fork(left, right, _fork_hash(root_of(left), root_of(right)))


# ── checked by a reader ──────────────────────────────────────────────────────────────
def verify_path(root: bytes, label: bytes, path: Path) -> Value | None:
    """Return what the map with *root* says of *label*; None: the label is absent.

    Raises:
        Untrusted: ``map-proof``.
    """
    _check_shape(label, path)
    if path.terminal is None:
        found = EMPTY
    else:
        found = _single_hash(*path.terminal)
        if not _agree(path.terminal[0], label, len(path.siblings)):
            raise Untrusted("map-proof", "a map path that ends at a label of elsewhere")
    for depth in range(len(path.siblings) - 1, -1, -1):
        sibling = path.siblings[depth]
        found = _fork_hash(sibling, found) if _bit(label, depth) else _fork_hash(found, sibling)
    if found != root:
        raise Untrusted("map-proof", "a map path that does not lead to the root")
    if path.terminal is None or path.terminal[0] != label:
        return None
    return path.terminal[1]


def _check_shape(label: bytes, path: Path) -> None:
    hashes: Sequence[bytes] = path.siblings
    if len(label) != LABEL_OCTETS or len(hashes) > LABEL_BITS:
        raise Untrusted("map-proof", "a label or a map path of the wrong length")
    if any(len(one) != len(EMPTY) for one in hashes):
        raise Untrusted("map-proof", "a hash of the wrong length")
    if path.terminal is not None:
        terminal, value = path.terminal
        if len(terminal) != LABEL_OCTETS or len(value.commitment) != len(EMPTY):
            raise Untrusted("map-proof", "a label or commitment of the wrong length")
        if not (0 < value.version < 1 << 32 and 0 <= value.leaf_index < 1 << 64):
            raise Untrusted("map-proof", "a number of a map out of its range")


def _agree(one: bytes, other: bytes, bits: int) -> bool:
    shift = LABEL_BITS - bits
    return int.from_bytes(one, "big") >> shift == int.from_bytes(other, "big") >> shift


def _bit(label: bytes, depth: int) -> int:
    return label[depth >> 3] >> (7 - (depth & 7)) & 1


def _single_hash(label: bytes, value: Value) -> bytes:
    return _hash_of_one(label + value.octets())


def _hash_of_one(octets: bytes) -> bytes:
    return sha256(b"\x10" + octets).digest()


def _fork_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x11" + left + right).digest()
