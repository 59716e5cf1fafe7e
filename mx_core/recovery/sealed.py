"""The container of a backup: any octets, sealed to a sheet in pieces.  spec/backup §2.  Pure.

``"MXK1" ‖ u32 length ‖ head ‖ chunks``; head = CBOR {0: 1, 1: sealed key, 2: created}.  A chunk
is 64 KiB of clear text (the last one shorter, perhaps empty) under XChaCha20-Poly1305 with a key
of this file alone, so the number of the chunk is its nonce.  Nothing can be moved, changed, left
out or cut off without being noticed, and the head is bound to every chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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

from mx_core.model.errors import Refused, Untrusted
from mx_core.model.secret import Secret
from mx_core.notation import cbor
from mx_core.notation.hashing import b2
from mx_core.notation.xwing import OVERHEAD_OCTETS, XWingSecret, seal_to

MAGIC: Final = b"MXK1"
CHUNK_OCTETS: Final = 64 * 1024
KEY_OCTETS: Final = 32
HEAD_OCTETS_MAX: Final = 4 * 1024
_INFO: Final = b"MailX v1 backup"
_FORMAT: Final = 1
_NONCE_OCTETS: Final = 24

Read = Callable[[int], bytes]  # as of a file: fewer octets only at its end


class Head(Struct, frozen=True):
    """What stands before the chunks."""

    octets: bytes
    sealed_key: bytes
    created: int  # unix seconds

    @classmethod
    def decode(cls, octets: bytes) -> Head:
        """Return the head that *octets* spell; raises Refused."""
        try:
            match cbor.decode(octets):
                case {0: 1, 1: bytes(sealed), 2: int(created), **rest} if not rest:
                    if len(sealed) == KEY_OCTETS + OVERHEAD_OCTETS:
                        return cls(octets, sealed, created)
        except Untrusted:
            pass
        raise Refused("this is no backup that this version can read")


def seal(
    backup_public: bytes, key: Secret[bytes], created: int, plain: Iterable[bytes]
) -> Iterator[bytes]:
    """Yield the file that holds *plain*; *key* is 32 fresh random octets, for this file alone."""
    sealed = seal_to(backup_public, key.reveal(), _INFO)
    head = cbor.encode({0: _FORMAT, 1: sealed, 2: created})
    yield MAGIC + len(head).to_bytes(4, "big") + head
    bound, index, held = b2("MX1.backup.head", [head]), 0, bytearray()
    for piece in plain:
        held += piece
        while len(held) > CHUNK_OCTETS:
            yield _chunk(key, bound, index, bytes(held[:CHUNK_OCTETS]), last=False)
            del held[:CHUNK_OCTETS]
            index += 1
    yield _chunk(key, bound, index, bytes(held), last=True)


def read_head(read: Read) -> Head:
    """Return the head of the file that *read* gives; raises Refused."""
    if read(len(MAGIC)) != MAGIC:
        raise Refused("this is no backup of a gateway")
    length = int.from_bytes(read(4), "big")
    octets = read(length) if length <= HEAD_OCTETS_MAX else b""
    return Head.decode(octets)


def unseal(head: Head, secret: XWingSecret, read: Read) -> Iterator[bytes]:
    """Yield the clear octets after *head*, each piece only once it is proved.

    Raises:
        Refused: The sheet is another one, or the file is damaged or cut off.
    """
    opened = secret.opened(head.sealed_key, _INFO)
    if opened is None or len(opened) != KEY_OCTETS:
        raise Refused("this backup was made for another recovery sheet")
    key, bound, index = Secret(opened), b2("MX1.backup.head", [head.octets]), 0
    sealed = read(CHUNK_OCTETS + TAG_OCTETS)
    while True:
        following = read(CHUNK_OCTETS + TAG_OCTETS)
        last = not following
        try:
            yield aead_decrypt(sealed, _bound(bound, index, last=last), _nonce(index), key.reveal())
        except (CryptoError, ValueError) as error:
            raise Refused("this backup is damaged or cut off: take an older one") from error
        if last:
            return
        sealed, index = following, index + 1


def _chunk(key: Secret[bytes], bound: bytes, index: int, plain: bytes, *, last: bool) -> bytes:
    return aead_encrypt(plain, _bound(bound, index, last=last), _nonce(index), key.reveal())


def _bound(head: bytes, index: int, *, last: bool) -> bytes:
    return head + index.to_bytes(8, "big") + bytes([last])


def _nonce(index: int) -> bytes:
    return index.to_bytes(_NONCE_OCTETS, "big")
