"""``B2(person, parts, key)``: every hash of ours.  Identity §1."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

DIGEST_OCTETS = 32


def b2(person: str, parts: Iterable[bytes], key: bytes = b"") -> bytes:
    """Return BLAKE2b-256 over the parts, each preceded by its length as u64 big-endian.

    *person* is ASCII, at most 16 octets, padded with zeros (``hashlib`` pads it).
    """
    digest = hashlib.blake2b(digest_size=DIGEST_OCTETS, key=key, person=person.encode("ascii"))
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


def b2_plain(octets: bytes) -> bytes:
    """Return BLAKE2b-256 without person or framing: ``env_id`` and blob ids."""
    return hashlib.blake2b(octets, digest_size=DIGEST_OCTETS).digest()
