"""The map of a log: what is the newest leaf of a label, and that another label has none.

Identity §4.  A binary tree over the bits of the label, most significant first; a subtree with one
label is that label, so a path is about log2(labels) hashes long.  Maps are values: ``put`` gives
a new one and leaves the old one as it was, so a proof can be made of any state that is still held.
In memory a subtree with few labels is one bucket: what is hashed within is made when it is asked for.

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
_PIECE_OCTETS: Final = LABEL_OCTETS + 4 + 32 + 8  # a label and its Value
_BUCKET_LABELS: Final = 8


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

    @classmethod
    def read(cls, octets: bytes) -> Value:
        """Return the value that *octets* are."""
        version, commitment, leaf_index = octets[:4], octets[4:-8], octets[-8:]
        return cls(int.from_bytes(version, "big"), commitment, int.from_bytes(leaf_index, "big"))


class Bucket(Struct, frozen=True, gc=False):
    """A subtree with few labels, as short as they are signed: a log keeps everybody it names."""

    octets: bytes  # ``label || Value`` of each, in order
    hash: bytes

    @property
    def pieces(self) -> list[bytes]:
        """Return ``label || Value`` of each, in order."""
        whole = self.octets
        return [whole[at : at + _PIECE_OCTETS] for at in range(0, len(whole), _PIECE_OCTETS)]


class Fork(Struct, frozen=True, gc=False):  # it leads to no circle
    """A subtree with more labels than a bucket takes."""

    left: Tree
    right: Tree
    hash: bytes


Tree: TypeAlias = Bucket | Fork | None


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
    return _with(tree, sorted(label + value.octets() for label, value in newest.items()), 0)


def get(tree: Tree, label: bytes) -> Value | None:
    """Return the newest of *label*."""
    at, depth = tree, 0
    while isinstance(at, Fork):
        at, depth = (at.right if _bit(label, depth) else at.left), depth + 1
    pieces = [] if at is None else at.pieces
    here = bisect_left(pieces, label)  # a piece that begins with it is the first one not below it
    if here == len(pieces) or not pieces[here].startswith(label):
        return None
    return Value.read(pieces[here][LABEL_OCTETS:])


def path_to(tree: Tree, label: bytes) -> Path:
    """Return the proof of what *tree* says of *label*, or that it says nothing."""
    siblings: list[bytes] = []
    at = tree
    while isinstance(at, Fork):
        near, far = (at.right, at.left) if _bit(label, len(siblings)) else (at.left, at.right)
        siblings.append(root_of(far))
        at = near
    pieces: Sequence[bytes] = [] if at is None else at.pieces
    while len(pieces) > 1:
        depth = len(siblings)
        left, right = _halves(pieces, depth)
        pieces, others = (right, left) if _bit(label, depth) else (left, right)
        siblings.append(_hash_of(others, depth + 1))
    if not pieces:
        return Path(tuple(siblings), None)
    [piece] = pieces
    return Path(tuple(siblings), (piece[:LABEL_OCTETS], Value.read(piece[LABEL_OCTETS:])))


def _with(tree: Tree, pieces: Sequence[bytes], depth: int) -> Tree:
    """Return the subtree at *depth* with *pieces*, in their order, put beneath it."""
    if not pieces:
        return tree
    if not isinstance(tree, Fork):
        pieces = pieces if tree is None else _merged(tree.pieces, pieces)
        if len(pieces) <= _BUCKET_LABELS:
            return Bucket(b"".join(pieces), _hash_of(pieces, depth))
    left, right = (tree.left, tree.right) if isinstance(tree, Fork) else (None, None)
    lower, upper = _halves(pieces, depth)
    left, right = _with(left, lower, depth + 1), _with(right, upper, depth + 1)
    return Fork(left, right, _fork_hash(root_of(left), root_of(right)))


def _merged(pieces: Sequence[bytes], newer: Sequence[bytes]) -> list[bytes]:
    by_label = {piece[:LABEL_OCTETS]: piece for piece in (*pieces, *newer)}
    return sorted(by_label.values())


def _hash_of(pieces: Sequence[bytes], depth: int) -> bytes:
    """Return the hash of the subtree at *depth* that has *pieces*, in order, and no others."""
    if len(pieces) <= 1:
        return _hash_of_one(pieces[0]) if pieces else EMPTY
    left, right = _halves(pieces, depth)
    return _fork_hash(_hash_of(left, depth + 1), _hash_of(right, depth + 1))


def _halves(pieces: Sequence[bytes], depth: int) -> tuple[Sequence[bytes], Sequence[bytes]]:
    """Return what is to the left of a fork at *depth*, and to its right."""
    middle = bisect_left(pieces, 1, key=lambda piece: _bit(piece, depth))
    return pieces[:middle], pieces[middle:]


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


def _hash_of_one(piece: bytes) -> bytes:
    return sha256(b"\x10" + piece).digest()


def _fork_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x11" + left + right).digest()
