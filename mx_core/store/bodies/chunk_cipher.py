"""XChaCha20-Poly1305 of the chunks of one file, by OpenSSL, which takes half of libsodium's time as its wheel is built.

XChaCha20-Poly1305 is ChaCha20-Poly1305 (RFC 8439 §2.8) under HChaCha20 of the key and the first 16 octets of the
nonce, and under the last 8 (draft-irtf-cfrg-xchacha-03 §2.3).  Nonces here are numbers of chunks, below 2^64: the
first 16 octets are zero, so one key serves a file.  Knows no file.
"""

from __future__ import annotations

import struct
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

__all__ = ["TAG_OCTETS", "ChunkCipher", "InvalidTag"]

TAG_OCTETS: Final = 16
_ZEROS: Final = bytes(16)
_BLOCK: Final = struct.Struct("<16I")  # RFC 8439 §2.3: constants, key, counter and nonce
_HALVES: Final = struct.Struct("<8I")
_CONSTANTS: Final = struct.unpack("<4I", b"expand 32-byte k")
_WORD: Final = 0xFFFF_FFFF


class ChunkCipher:
    """Seals and opens chunks under *key*, 32 octets that are this file's alone."""

    def __init__(self, key: bytes) -> None:
        self._cipher = ChaCha20Poly1305(_hchacha20_of_zeros(key))

    def seal(self, chunk: bytes, index: int, bound: bytes) -> bytes:
        """Return *chunk* sealed as number *index*, together with *bound*."""
        return self._cipher.encrypt(_nonce(index), chunk, bound)

    def open(self, sealed: bytes, index: int, bound: bytes) -> bytes:
        """Return the chunk; raises InvalidTag if it is another one, or not sealed with *bound*."""
        # as ``_nonce``
        return self._cipher.decrypt(index.to_bytes(12, "big"), sealed, bound)


def _hchacha20_of_zeros(key: bytes) -> bytes:
    """Return HChaCha20(*key*, 16 zeros).  draft-irtf-cfrg-xchacha-03 §2.2.

    It is a block of ChaCha20 before what went in is added to it, of which the first and the last row are
    taken; of these the constants went into the first and zeros into the last.
    """
    words = _BLOCK.unpack(Cipher(ChaCha20(key, _ZEROS), mode=None).encryptor().update(bytes(64)))
    first = [(word - went_in) & _WORD for word, went_in in zip(words, _CONSTANTS, strict=False)]
    return _HALVES.pack(*first, *words[12:])


def _nonce(index: int) -> bytes:
    return index.to_bytes(12, "big")  # what is left of 24 octets: four zeros, then the last 8
