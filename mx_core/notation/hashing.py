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


class LongPart:
    """``b2(person, [part])`` of one part that comes in pieces; its length is known before."""

    def __init__(self, person: str, length: int) -> None:
        self._digest = hashlib.blake2b(digest_size=DIGEST_OCTETS, person=person.encode("ascii"))
        self._digest.update(length.to_bytes(8, "big"))

    def add(self, piece: bytes) -> None:
        """Go on."""
        self._digest.update(piece)

    def digest(self) -> bytes:
        """Return the digest of all that was added, which must be as long as was said."""
        return self._digest.digest()


def b2_plain_of(pieces: Iterable[bytes]) -> bytes:
    """Return ``b2_plain`` of what *pieces* are together."""
    digest = hashlib.blake2b(digest_size=DIGEST_OCTETS)
    for piece in pieces:
        digest.update(piece)
    return digest.digest()


class LongPlain:
    """``b2_plain`` of what comes in pieces."""

    def __init__(self) -> None:
        self._digest = hashlib.blake2b(digest_size=DIGEST_OCTETS)

    def add(self, piece: bytes) -> None:
        """Go on."""
        self._digest.update(piece)

    def digest(self) -> bytes:
        """Return the digest of all that was added."""
        return self._digest.digest()


def b2_plain(octets: bytes) -> bytes:
    """Return BLAKE2b-256 without person or framing: ``env_id`` and blob ids."""
    return hashlib.blake2b(octets, digest_size=DIGEST_OCTETS).digest()
