"""ECVRF-EDWARDS25519-SHA512-TAI: the label of an address that only the log's key can compute.

RFC 9381 §5.5.  Points and scalars are libsodium's; only finding a point by trial, where it offers
nothing, is arithmetic of our own on public values.  Stricter than the RFC in one thing: a Gamma
outside the main subgroup is refused, which no honest prover makes.

Failure class: ``vrf``.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha512
from typing import Final

from msgspec import Struct
from nacl.bindings import (
    crypto_core_ed25519_add,
    crypto_core_ed25519_is_valid_point,
    crypto_core_ed25519_sub,
    crypto_scalarmult_ed25519_base_noclamp,
    crypto_scalarmult_ed25519_noclamp,
    crypto_sign_seed_keypair,
    crypto_sign_SEEDBYTES,
)
from nacl.exceptions import CryptoError
from nacl.exceptions import RuntimeError as SodiumError

from mx_core.model.errors import Untrusted

PROOF_OCTETS: Final = 80
OUTPUT_OCTETS: Final = 64

_SUITE: Final = b"\x03"
_P: Final = 2**255 - 19
_Q: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT_OF_MINUS_ONE: Final = pow(2, (_P - 1) // 4, _P)
_POINT_OCTETS: Final = 32
_CHALLENGE_OCTETS: Final = 16
_SIGN_BIT: Final = 1 << 255
_TRIES: Final = 256
_DOUBLINGS: Final = 3  # the cofactor is 8


class Proved(Struct, frozen=True):
    """What a prover gives: *output* names, *proof* convinces."""

    output: bytes
    proof: bytes


def prove(seed: bytes, alpha: bytes) -> Proved:
    """Return output and proof of *alpha* under the 32-octet Ed25519 *seed*.  RFC 9381 §5.1."""
    if len(seed) != crypto_sign_SEEDBYTES:
        raise ValueError("a VRF key is a seed of 32 octets")
    public, secret, prefix = _expanded(seed)
    point = _encode_to_curve(public, alpha)
    gamma = crypto_scalarmult_ed25519_noclamp(_scalar(secret), point)
    nonce = int.from_bytes(sha512(prefix + point).digest(), "little") % _Q
    challenge = _challenge(
        public,
        point,
        gamma,
        crypto_scalarmult_ed25519_base_noclamp(_scalar(nonce)),
        crypto_scalarmult_ed25519_noclamp(_scalar(nonce), point),
    )
    response = (nonce + int.from_bytes(challenge, "little") * secret) % _Q
    return Proved(_output(gamma), gamma + challenge + _scalar(response))


def verify(public: bytes, alpha: bytes, proof: bytes) -> bytes:
    """Return the 64-octet output that *proof* shows for *alpha*.  RFC 9381 §5.3.

    Raises:
        Untrusted: ``vrf``.
    """
    if len(proof) != PROOF_OCTETS or len(public) != _POINT_OCTETS:
        raise Untrusted("vrf", "a VRF proof or key of the wrong length")
    gamma, challenge, response = proof[:32], proof[32:48], proof[48:]
    if int.from_bytes(response, "little") >= _Q:
        raise Untrusted("vrf", "a VRF proof whose response is not reduced")
    if not (
        crypto_core_ed25519_is_valid_point(public) and crypto_core_ed25519_is_valid_point(gamma)
    ):
        raise Untrusted("vrf", "a VRF proof or key that is no point of the group")
    try:
        point = _encode_to_curve(public, alpha)
        scalar = challenge + bytes(16)
        shown_u = crypto_core_ed25519_sub(
            crypto_scalarmult_ed25519_base_noclamp(response),
            crypto_scalarmult_ed25519_noclamp(scalar, public),
        )
        shown_v = crypto_core_ed25519_sub(
            crypto_scalarmult_ed25519_noclamp(response, point),
            crypto_scalarmult_ed25519_noclamp(scalar, gamma),
        )
    except (CryptoError, SodiumError) as error:
        raise Untrusted("vrf", "a VRF proof with a point of small order") from error
    if _challenge(public, point, gamma, shown_u, shown_v) != challenge:
        raise Untrusted("vrf", "a VRF proof that does not verify")
    return _output(gamma)


@lru_cache(maxsize=4)  # one for each log of this process
def _expanded(seed: bytes) -> tuple[bytes, int, bytes]:
    """Return public key, secret scalar and nonce prefix.  RFC 8032 §5.1.5."""
    public, _ = crypto_sign_seed_keypair(seed)
    expanded = sha512(seed).digest()
    secret = int.from_bytes(expanded[:32], "little") & ((1 << 254) - 8) | (1 << 254)
    return public, secret, expanded[32:]


def _challenge(public: bytes, point: bytes, gamma: bytes, u: bytes, v: bytes) -> bytes:
    # RFC 9381 §5.4.3
    hashed = sha512(_SUITE + b"\x02" + public + point + gamma + u + v + b"\x00")
    return hashed.digest()[:_CHALLENGE_OCTETS]


def _output(gamma: bytes) -> bytes:
    # RFC 9381 §5.2
    cleared = gamma
    for _ in range(_DOUBLINGS):  # half of what a multiplication by the cofactor costs
        cleared = crypto_core_ed25519_add(cleared, cleared)
    return sha512(_SUITE + b"\x03" + cleared + b"\x00").digest()


def _scalar(number: int) -> bytes:
    return (number % _Q).to_bytes(32, "little")


# ── a point by trial, RFC 9381 §5.4.1.1 ──────────────────────────────────────────────
_Affine = tuple[int, int]


def _encode_to_curve(public: bytes, alpha: bytes) -> bytes:
    for attempt in range(_TRIES):
        hashed = sha512(_SUITE + b"\x01" + public + alpha + bytes([attempt]) + b"\x00").digest()
        found = _point(hashed[:_POINT_OCTETS])
        if found is None:
            continue
        cleared = _eightfold(found)
        if cleared != (0, 1):
            return _octets(cleared)
    raise Untrusted("vrf", "no point was found for a name")  # once in 2^256 names


def _point(octets: bytes) -> _Affine | None:
    """Return the point that *octets* encode, or None.  RFC 8032 §5.1.3."""
    number = int.from_bytes(octets, "little")
    y, sign = number & (_SIGN_BIT - 1), number >> 255
    if y >= _P:
        return None
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    if v * x * x % _P == -u % _P:
        x = x * _ROOT_OF_MINUS_ONE % _P
    if v * x * x % _P != u or (x == 0 and sign):
        return None
    return (x if x & 1 == sign else -x % _P), y


def _eightfold(point: _Affine) -> _Affine:
    """Return eight times *point*, which is in the main subgroup; one inversion for all."""
    x, y, z = *point, 1
    for _ in range(_DOUBLINGS):  # in projective coordinates, dbl-2008-bbjlp for a = -1
        xx, yy, zz = x * x, y * y, z * z
        g = (yy - xx) % _P
        f = (g - 2 * zz) % _P
        x, y, z = ((x + y) ** 2 - xx - yy) * f % _P, g * (-xx - yy) % _P, f * g % _P
    inverse = pow(z, -1, _P)
    return x * inverse % _P, y * inverse % _P


def _octets(point: _Affine) -> bytes:
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")
