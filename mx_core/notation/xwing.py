"""X-Wing, the post-quantum hybrid of suite 2: keys, and sealing to them by HPKE in base mode.

KEM 0x647a (X25519 with ML-KEM-768; draft-connolly-cfrg-xwing-kem), HKDF-SHA256, ChaCha20-Poly1305;
RFC 9180 §5.1.1 and §6.1.  A secret key is its 32-octet seed; SHAKE-256 makes both halves of it.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import (
    MLKEM768PrivateKey,
    MLKEM768PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from nacl.bindings import crypto_scalarmult

SEED_OCTETS: Final = 32
PUBLIC_OCTETS: Final = 1216  # ML-KEM-768, then X25519
OVERHEAD_OCTETS: Final = 1136  # the encapsulated key 1120, the tag 16

_MLKEM_PUBLIC_OCTETS: Final = 1184
_MLKEM_SEED_OCTETS: Final = 64
_EXPANDED_OCTETS: Final = 96
_SUITE: Final = hpke.Suite(
    hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305
)
_KEYS_READ: Final = 64
_PROBE: Final = bytes([8]) * 32  # any scalar: a key of small order gives zeros under each


class UnusableKeyError(ValueError):
    """To these octets nothing can be sealed that only their owner could open."""


@final
class XWingSecret:
    """The private half; never printed."""

    __slots__ = ("_key", "_public")

    def __init__(self, seed: bytes) -> None:
        """Expand *seed*, 32 random octets."""
        expanded = hashlib.shake_256(seed).digest(_EXPANDED_OCTETS)
        mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:_MLKEM_SEED_OCTETS])
        x25519 = X25519PrivateKey.from_private_bytes(expanded[_MLKEM_SEED_OCTETS:])
        self._key = hpke.MLKEM768X25519PrivateKey(mlkem, x25519)
        self._public = (
            mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
        )

    @property
    def public(self) -> bytes:
        """The public half, 1216 octets."""
        return self._public

    def opened(self, sealed: bytes, info: bytes) -> bytes | None:
        """Return what was sealed to this key with *info*, or None if it was not."""
        try:
            return _SUITE.decrypt(sealed, self._key, info)
        except (InvalidTag, ValueError):
            return None


def seal_to(public: bytes, plain: bytes, info: bytes) -> bytes:
    """Return *plain* sealed to *public*, 1136 octets longer; raises UnusableKeyError."""
    return _SUITE.encrypt(plain, _read(public), info)


def check_public(public: bytes) -> None:
    """Raise UnusableKeyError unless something can be sealed to *public*."""
    _read(public)


@lru_cache(maxsize=_KEYS_READ)
def _read(public: bytes) -> hpke.MLKEM768X25519PublicKey:
    if len(public) != PUBLIC_OCTETS:
        raise UnusableKeyError("an X-Wing key has 1216 octets")
    of_mlkem, of_x25519 = public[:_MLKEM_PUBLIC_OCTETS], public[_MLKEM_PUBLIC_OCTETS:]
    if is_of_small_order(of_x25519):
        raise UnusableKeyError("the X25519 half is of small order")
    try:
        mlkem = MLKEM768PublicKey.from_public_bytes(of_mlkem)
    except ValueError as error:
        # FIPS 203 §7.2: the modulus check
        raise UnusableKeyError("the ML-KEM half is no key") from error
    return hpke.MLKEM768X25519PublicKey(mlkem, X25519PublicKey.from_public_bytes(of_x25519))


def is_of_small_order(x25519: bytes) -> bool:
    """Tell whether every secret shared with this X25519 key is known to anybody."""
    try:
        return crypto_scalarmult(_PROBE, x25519) == bytes(len(_PROBE))
    except RuntimeError:  # what PyNaCl raises where libsodium returns -1
        return True
