"""X-Wing and HPKE in base mode, step by step from their texts, to hold against the library's.

draft-connolly-cfrg-xwing-kem §5; RFC 9180 §4 (labels), §5.1 (key schedule), §5.2 (first message).
"""

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

SUITE_ID = b"HPKE" + bytes.fromhex("647a 0001 0003")
ENC_OCTETS = 1120


def public_of(seed: bytes) -> bytes:
    mlkem, x25519 = _halves(seed)
    return mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()


def shared_secret(seed: bytes, enc: bytes) -> bytes:
    """Decapsulate: both secrets, and what ties them to the X25519 half."""
    mlkem, x25519 = _halves(seed)
    of_mlkem = mlkem.decapsulate(enc[:1088])
    of_x25519 = x25519.exchange(X25519PublicKey.from_public_bytes(enc[1088:]))
    own = x25519.public_key().public_bytes_raw()
    return hashlib.sha3_256(of_mlkem + of_x25519 + enc[1088:] + own + rb"\.//^" + b"\\").digest()


def key_and_nonce(secret: bytes, info: bytes) -> tuple[bytes, bytes]:
    context = b"\0" + _extract(b"", b"psk_id_hash", b"") + _extract(b"", b"info_hash", info)
    inner = _extract(secret, b"secret", b"")
    return _expand(inner, b"key", context, 32), _expand(inner, b"base_nonce", context, 12)


def open_sealed(seed: bytes, sealed: bytes, info: bytes) -> bytes:
    """Raise ValueError or InvalidTag where it does not open."""
    key, nonce = key_and_nonce(shared_secret(seed, sealed[:ENC_OCTETS]), info)
    return ChaCha20Poly1305(key).decrypt(nonce, sealed[ENC_OCTETS:], None)


def _halves(seed: bytes) -> tuple[MLKEM768PrivateKey, X25519PrivateKey]:
    expanded = hashlib.shake_256(seed).digest(96)
    return (
        MLKEM768PrivateKey.from_seed_bytes(expanded[:64]),
        X25519PrivateKey.from_private_bytes(expanded[64:]),
    )


def _extract(salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt, b"HPKE-v1" + SUITE_ID + label + ikm, "sha256")


def _expand(prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    """One block of HKDF-Expand is enough for what is asked here."""
    labeled = length.to_bytes(2, "big") + b"HPKE-v1" + SUITE_ID + label + info
    return hmac.digest(prk, labeled + b"\1", "sha256")[:length]
