"""Records of a small log as sealed frames, each bound to the one before it.  docs/spec/accepted.md §1.

Two logs have them: of what was accepted, and of lone changes.  A frame counts only right behind the one
that it was written behind: one that was left by an earlier round, by a write that failed or by a cut ends
what is read.  Pure; whoever calls brings nonces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_ABYTES as TAG_OCTETS,
)
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt as aead_decrypt,
)
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_encrypt as aead_encrypt,
)
from nacl.exceptions import CryptoError

NONCE_OCTETS: Final = 24
RECORD_OCTETS_MAX: Final = 256 * 1024
_LENGTH_OCTETS: Final = 4
_HEAD_OCTETS: Final = _LENGTH_OCTETS + NONCE_OCTETS
ADDED_OCTETS: Final = _HEAD_OCTETS + TAG_OCTETS  # to a record
FIRST: Final = bytes(TAG_OCTETS)  # what the frame at the start of the log is bound to

Read = Callable[[int, int], bytes]  # (octets, at): short where the log ends


class FrameKey(Struct, frozen=True):
    """What the frames of one log are sealed under; *label* says of which log."""

    label: bytes
    octets: bytes  # 32


class Frame(Struct, frozen=True):
    """Where a frame is, and what is in it."""

    at: int
    octets: int  # of the frame
    record: bytes


def seal(key: FrameKey, before: bytes, nonce: bytes, record: bytes) -> bytes:
    """Return the frame of *record*; *before*: ``tag_of`` the frame before, or ``FIRST``."""
    sealed = aead_encrypt(record, key.label + before, nonce, key.octets)
    return b"".join((len(record).to_bytes(_LENGTH_OCTETS, "big"), nonce, sealed))


def tag_of(frame: bytes) -> bytes:
    """Return what the next frame is bound to."""
    return frame[-TAG_OCTETS:]


def read_all(key: FrameKey, read: Read) -> Iterator[Frame]:
    """Return the frames of the round that begins at the log's start, in order."""
    at = 0
    while (frame := read_one(key, read, at)) is not None:
        yield frame
        at += frame.octets


def read_one(key: FrameKey, read: Read, at: int) -> Frame | None:
    """Return the frame at *at*, or None if none is there that counts."""
    before = read(TAG_OCTETS, at - TAG_OCTETS) if at else FIRST
    head = read(_HEAD_OCTETS, at)
    length = int.from_bytes(head[:_LENGTH_OCTETS], "big")
    if len(head) < _HEAD_OCTETS or length > RECORD_OCTETS_MAX:
        return None
    sealed = read(length + TAG_OCTETS, at + _HEAD_OCTETS)
    try:
        record = aead_decrypt(sealed, key.label + before, head[_LENGTH_OCTETS:], key.octets)
    except (CryptoError, ValueError):
        return None
    return Frame(at, _HEAD_OCTETS + len(sealed), record)
