"""Challenge and proof between two home servers, and the session that follows.  Pure.

Layer 3 of docs/spec/federation.md §1: TLS shows a leaf, the proof shows the *domain key*, bound
to that leaf's public key.  A session is a MAC over (domain, leaf, expiry): stateless, worth
nothing on another leaf, checkable by every worker that has the key.

Failure classes: ``proof session``.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from hmac import compare_digest
from typing import Final

from nacl.signing import SigningKey

from mx_core.model.errors import Untrusted
from mx_core.model.secret import Secret
from mx_core.notation import cbor
from mx_core.notation.hashing import DIGEST_OCTETS, b2
from mx_core.notation.signing import Use, sign, verify

NONCE_OCTETS: Final = 32
SESSION_SECONDS_MAX: Final = 3_600
_EXPIRES_OCTETS: Final = 8


class Role(StrEnum):
    """Whose half of the proof it is."""

    CLIENT = "client"
    SERVER = "server"


def proof_octets(
    role: Role, *, client: str, server: str, nonce_b: bytes, nonce_a: bytes, spki_hash: bytes
) -> bytes:
    """Return what is signed: CBOR[role, client, server, nonce_b, nonce_a, leaf hash].

    *client* and *server* are domains, *nonce_b* the server's, *nonce_a* the client's, and
    *spki_hash* that of the leaf of whoever signs.

    Raises:
        Untrusted: ``proof``: a nonce of the wrong length.
    """
    if len(nonce_a) != NONCE_OCTETS or len(nonce_b) != NONCE_OCTETS:
        raise Untrusted("proof", "a nonce of the wrong length")
    return cbor.encode([role.value, client, server, nonce_b, nonce_a, spki_hash])


def prove(domain_key: SigningKey, octets: bytes) -> bytes:
    """Return the signature of ``proof_octets``."""
    return sign(domain_key, Use.PEER_AUTH, octets)


def verify_proof(keys: Sequence[bytes], octets: bytes, signature: bytes) -> None:
    """Check that one of the domain's *keys* signed *octets*.

    Raises:
        Untrusted: ``proof``.
    """
    for key in keys:
        try:
            verify(key, Use.PEER_AUTH, octets, signature)
        except Untrusted:
            continue
        return
    raise Untrusted("proof", "no key of the domain signed the proof")


def make_session(key: Secret[bytes], domain: str, spki_hash: bytes, expires: int) -> bytes:
    """Return the token that stands for a proof until *expires* (unix seconds)."""
    stamp = expires.to_bytes(_EXPIRES_OCTETS, "big")
    return stamp + _mac(key, domain, spki_hash, stamp)


def check_session(
    key: Secret[bytes], session: bytes, *, domain: str, spki_hash: bytes, now: float
) -> None:
    """Check that *session* was given to this domain on this leaf and still runs.

    Raises:
        Untrusted: ``session``.
    """
    stamp, mac = session[:_EXPIRES_OCTETS], session[_EXPIRES_OCTETS:]
    if len(mac) != DIGEST_OCTETS or not compare_digest(mac, _mac(key, domain, spki_hash, stamp)):
        raise Untrusted("session", "the session is not of this connection")
    if not now < int.from_bytes(stamp, "big") <= now + SESSION_SECONDS_MAX:
        raise Untrusted("session", "the session has run out")


def _mac(key: Secret[bytes], domain: str, spki_hash: bytes, stamp: bytes) -> bytes:
    return b2("MX1.session", [domain.encode("ascii"), spki_hash, stamp], key=key.reveal())
