"""``sign(k, use, bytes)``: Ed25519 under one context per use.  Identity §1.

A key signs only the uses listed for it there; the context keeps one use from passing for another.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import Final

from nacl.bindings import crypto_core_ed25519_is_valid_point
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from mx_core.model.errors import Untrusted

PUBLIC_KEY_OCTETS = 32
SIGNATURE_OCTETS = 64

_KEYS_KEPT: Final = 4_096


class Use(StrEnum):
    """What a signature is for; ``passport_role`` makes those of the passport."""

    EPOCH = "epoch"
    ATTEST = "attest"
    MESSAGE = "message"
    UNREADABLE = "unreadable"
    DOOR = "door"
    RECEIPT = "receipt"
    JOURNAL = "journal"
    JOURNAL_KEY = "journal-key"
    CLIENT_AUTH = "client-auth"
    CLAIM = "claim"
    DOMAIN_ROLL = "domain-roll"
    SERVER = "server"
    BATCH = "batch"
    PEER_AUTH = "peer-auth"


def passport_role(role: int) -> str:
    """Return the context of passport role *role* (1–6)."""
    return f"passport.{role}"


def sign(key: SigningKey, use: str, octets: bytes) -> bytes:
    """Return the 64-octet signature of *octets* under *use*."""
    return key.sign(_context(use) + octets).signature


def verify(public_key: bytes, use: str, octets: bytes, signature: bytes) -> None:
    """Check a signature as libsodium does: canonical S, no small-order key.

    Raises:
        Untrusted: ``bad-signature``.
    """
    if len(public_key) != PUBLIC_KEY_OCTETS or len(signature) != SIGNATURE_OCTETS:
        raise Untrusted("bad-signature", "a key or signature of the wrong length")
    if not _is_point(public_key):
        raise Untrusted("bad-signature", "a public key that is no valid point")
    try:
        VerifyKey(public_key).verify(_context(use) + octets, signature)
    except (BadSignatureError, ValueError, TypeError) as error:
        raise Untrusted("bad-signature", f"a signature under {use!r} does not verify") from error


@lru_cache(maxsize=_KEYS_KEPT)
def _is_point(public_key: bytes) -> bool:
    """Tell whether it is a point of the main subgroup, which nothing changes."""
    return crypto_core_ed25519_is_valid_point(public_key)


def _context(use: str) -> bytes:
    return b"MailX v1 " + use.encode("ascii") + b"\0"
