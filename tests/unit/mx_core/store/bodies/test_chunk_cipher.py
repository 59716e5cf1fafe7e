"""Chunks are sealed as libsodium seals them, by whichever library."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt as libsodium_open,
)
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_encrypt as libsodium_seal,
)

from mx_core.store.bodies.chunk_cipher import TAG_OCTETS, ChunkCipher, InvalidTag

KEYS = st.binary(min_size=32, max_size=32)
INDEXES = st.integers(0, 2**64 - 1)


@given(key=KEYS, index=INDEXES, chunk=st.binary(min_size=1, max_size=300), bound=st.binary())
@example(key=bytes(32), index=0, chunk=b"x" * 65_536, bound=b"")
@example(key=b"\xff" * 32, index=2**64 - 1, chunk=b"x", bound=b"y" * 25)
def test_what_is_sealed_is_what_libsodium_seals(
    key: bytes, index: int, chunk: bytes, bound: bytes
) -> None:
    nonce = index.to_bytes(24, "big")
    cipher = ChunkCipher(key)

    sealed = cipher.seal(chunk, index, bound)

    assert sealed == libsodium_seal(chunk, bound, nonce, key)
    assert len(sealed) == len(chunk) + TAG_OCTETS
    assert cipher.open(sealed, index, bound) == chunk == libsodium_open(sealed, bound, nonce, key)


@pytest.mark.parametrize(
    ("key", "index", "bound", "at"),
    [
        (b"l" * 32, 3, b"bound", None),
        (b"k" * 32, 4, b"bound", None),
        (b"k" * 32, 3 + 2**32, b"bound", None),
        (b"k" * 32, 3, b"bounds", None),
        (b"k" * 32, 3, b"bound", 0),
        (b"k" * 32, 3, b"bound", -1),
    ],
    ids=["key", "index", "far index", "bound", "octet", "tag"],
)
def test_nothing_else_opens(key: bytes, index: int, bound: bytes, at: int | None) -> None:
    sealed = bytearray(ChunkCipher(b"k" * 32).seal(b"octets", 3, b"bound"))
    if at is not None:
        sealed[at] ^= 1

    with pytest.raises(InvalidTag):
        ChunkCipher(key).open(bytes(sealed), index, bound)
