"""The Merkle tree of a log: roots, and proofs that a reader checks.

RFC 6962 §2 hashing with SHA-256.  Whoever holds the tree gives ``Node``: the hash of a *complete*
subtree of 2^level leaves.  Everything else of a tree of any size is made of these.

Failure class: ``log-proof``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final

from mx_core.model.errors import Untrusted

HASH_OCTETS: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()
PROOF_HASHES_MAX: Final = 64  # as many as a tree of 2^64 leaves is high

Node = Callable[[int, int], bytes]  # (level, index) → hash of leaves index·2^level … + 2^level


def leaf_hash(octets: bytes) -> bytes:
    """Return the hash of one entry.  RFC 6962 §2.1."""
    return sha256(b"\x00" + octets).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node.  RFC 6962 §2.1."""
    return sha256(b"\x01" + left + right).digest()


# ── made by the log ──────────────────────────────────────────────────────────────────
def root(size: int, node: Node) -> bytes:
    """Return the root of the first *size* leaves."""
    return _range_hash(0, size, node) if size else EMPTY_ROOT


def inclusion(index: int, size: int, node: Node) -> list[bytes]:
    """Return the audit path of leaf *index* in the tree of *size*, leaf first.  RFC 6962 §2.1.1.

    Raises:
        ValueError: There is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError("no such leaf")
    path: list[bytes] = []
    first, end = 0, size
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            path.append(_range_hash(middle, end, node))
            end = middle
        else:
            path.append(_range_hash(first, middle, node))
            first = middle
    return path[::-1]


def consistency(older: int, newer: int, node: Node) -> list[bytes]:
    """Return the proof that the tree of *older* leaves begins that of *newer*.  RFC 6962 §2.1.2.

    Raises:
        ValueError: *older* is not between 1 and *newer*.
    """
    if not 0 < older <= newer:
        raise ValueError("no such sizes")
    proof: list[bytes] = []
    first, end = 0, newer
    while older != end:
        middle = first + _split(end - first)
        if older <= middle:
            proof.append(_range_hash(middle, end, node))
            end = middle
        else:
            proof.append(_range_hash(first, middle, node))
            first = middle
    if first:  # the older root itself is known to the reader
        proof.append(_range_hash(first, end, node))
    return proof[::-1]


def _split(count: int) -> int:
    """Return the largest power of two below *count*."""
    return int(1 << ((count - 1).bit_length() - 1))


def _range_hash(first: int, end: int, node: Node) -> bytes:
    """Return the hash of leaves *first* to *end*; *first* is a multiple of what is below it."""
    parts: list[bytes] = []
    while first < end:
        level = (end - first).bit_length() - 1
        parts.append(node(level, first >> level))
        first += 1 << level
    found = parts.pop()
    while parts:
        found = node_hash(parts.pop(), found)
    return found


# ── checked by a reader ──────────────────────────────────────────────────────────────
def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], tree_root: bytes
) -> None:
    """Check that the hash *leaf* stands at *index* in the tree.  RFC 9162 §2.1.3.2.

    Raises:
        Untrusted: ``log-proof``.
    """
    _check_hashes([leaf, *proof])
    if not 0 <= index < size:
        raise Untrusted("log-proof", "a leaf outside its tree")
    at, last = index, size - 1
    found = leaf
    for sibling in proof:
        if last == 0:
            raise Untrusted("log-proof", "an inclusion proof that is too long")
        if at & 1 or at == last:
            found = node_hash(sibling, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        at, last = at >> 1, last >> 1
    if last or found != tree_root:
        raise Untrusted("log-proof", "an inclusion proof that does not lead to the root")


def verify_consistency(
    older: int, older_root: bytes, newer: int, newer_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the newer tree only added to the older one.  RFC 9162 §2.1.4.2.

    Raises:
        Untrusted: ``log-proof``.
    """
    _check_hashes(proof)
    if not 0 < older <= newer:
        raise Untrusted("log-proof", "sizes of a consistency proof that shrink")
    if older == newer:
        if proof or older_root != newer_root:
            raise Untrusted("log-proof", "two roots for one size")
        return
    if not proof:
        raise Untrusted("log-proof", "an empty consistency proof")
    path = list(proof)
    if older & (older - 1) == 0:  # a complete tree: its root is the first hash
        path.insert(0, older_root)
    at, last = older - 1, newer - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise Untrusted("log-proof", "a consistency proof that is too long")
        if at & 1 or at == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        at, last = at >> 1, last >> 1
    if last or old != older_root or new != newer_root:
        raise Untrusted("log-proof", "a consistency proof that does not lead to both roots")


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if len(hashes) > PROOF_HASHES_MAX + 2:
        raise Untrusted("log-proof", "a proof of more hashes than any tree is high")
    if any(len(one) != HASH_OCTETS for one in hashes):
        raise Untrusted("log-proof", "a hash of the wrong length")
