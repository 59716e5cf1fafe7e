"""Who is on the other side of a connection: judged per call from the leaf, not only by TLS.

Layer 2 of docs/spec/federation.md §1: exactly one SAN, and *that* domain's key signed the leaf.
It holds even where a TLS stack ignores constraints on an anchor.  No network, no discovery:
the keys of a domain are asked of the caller.

Failure classes: ``leaf-format leaf-san leaf-key leaf-expired``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import SignatureAlgorithmOID
from msgspec import Struct

from mx_core.model.address import canonical_domain
from mx_core.model.clock import Now
from mx_core.model.errors import BadAddress, Untrusted
from mx_core.tls.leaf import LIFETIME, spki_hash

__all__ = ["Peer", "PeerCheck", "examine", "peer_domain", "spki_hash", "verify_leaf"]

KeysOf = Callable[[str], Sequence[bytes]]  # active domain keys; empty when unknown

_PEM_OCTETS_MAX: Final = 8 * 1024
_REMEMBERED: Final = 2_048


class Peer(Struct, frozen=True):
    """A leaf that proved its domain; times in unix seconds."""

    domain: str
    domain_pk: bytes  # the key that signed the leaf
    spki_hash: bytes
    not_before: float
    not_after: float


def examine(leaf_pem: bytes, keys_of: KeysOf, now: float) -> Peer:
    """Return the peer that *leaf_pem* proves.

    Raises:
        Untrusted: One of the failure classes above.
    """
    if len(leaf_pem) > _PEM_OCTETS_MAX:
        raise Untrusted("leaf-format", "a certificate of unusual size")
    try:
        certificate = x509.load_pem_x509_certificate(leaf_pem)
    except (ValueError, x509.InvalidVersion) as error:
        raise Untrusted("leaf-format", "not a certificate") from error
    return _examine(certificate, keys_of, now)


def peer_domain(leaf_pem: bytes, keys_of: KeysOf, now: float) -> str:
    """Return the domain that *leaf_pem* proves; raises as ``examine``."""
    return examine(leaf_pem, keys_of, now).domain


def verify_leaf(leaf_der: bytes, domain: str, keys: Sequence[bytes], now: float) -> Peer:
    """Check that *leaf_der* is a leaf of *domain* signed by one of *keys*.

    Raises:
        Untrusted: One of the failure classes above.
    """
    try:
        certificate = x509.load_der_x509_certificate(leaf_der)
    except (ValueError, x509.InvalidVersion) as error:
        raise Untrusted("leaf-format", "not a certificate") from error
    return _examine(certificate, lambda name: keys if name == domain else (), now)


class PeerCheck:
    """``examine`` with a memory by PEM octets: the signature is verified once per leaf.

    Validity, and that the key is still one of the domain's, are judged at every call.
    """

    def __init__(self, keys_of: KeysOf, now: Now) -> None:
        """*keys_of* answers from what is known already; it must not wait."""
        self._keys_of = keys_of
        self._now = now
        self._seen: OrderedDict[bytes, Peer] = OrderedDict()

    def peer(self, leaf_pem: bytes) -> Peer:
        """Return the peer that *leaf_pem* proves now; raises as ``examine``."""
        now = self._now()
        known = self._seen.get(leaf_pem)
        if known is not None and known.domain_pk in self._keys_of(known.domain):
            _check_time(known.not_before, known.not_after, now)
            return known
        peer = examine(leaf_pem, self._keys_of, now)
        self._seen[leaf_pem] = peer
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return peer


def _examine(certificate: x509.Certificate, keys_of: KeysOf, now: float) -> Peer:
    domain = _only_name(certificate)
    if certificate.signature_algorithm_oid != SignatureAlgorithmOID.ED25519:
        raise Untrusted("leaf-key", f"the certificate of {domain} is not signed with Ed25519")
    signer = _signer(certificate, keys_of(domain))
    if signer is None:
        raise Untrusted("leaf-key", f"no key of {domain} signed its certificate")
    not_before = certificate.not_valid_before_utc.timestamp()
    not_after = certificate.not_valid_after_utc.timestamp()
    if not_after - not_before > LIFETIME.total_seconds():
        raise Untrusted("leaf-format", f"the certificate of {domain} lives longer than 7 days")
    _check_time(not_before, not_after, now)
    return Peer(
        domain, signer, spki_hash(certificate.public_bytes(Encoding.DER)), not_before, not_after
    )


def _only_name(certificate: x509.Certificate) -> str:
    try:
        names = list(
            certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        )
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        is_p256 = isinstance(
            public_key := certificate.public_key(), ec.EllipticCurvePublicKey
        ) and isinstance(public_key.curve, ec.SECP256R1)
    except x509.ExtensionNotFound as error:
        raise Untrusted("leaf-san", "a certificate without a name or basic constraints") from error
    except (
        ValueError,
        UnsupportedAlgorithm,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
    ) as error:
        raise Untrusted("leaf-format", "a certificate that cannot be read") from error
    if constraints.ca or not is_p256:
        raise Untrusted("leaf-format", "a certificate that is no P-256 leaf")
    match names:
        case [x509.DNSName(value=domain)] if _is_domain(domain):
            return domain
        case _:
            raise Untrusted("leaf-san", "a certificate must name exactly one domain")


def _is_domain(text: str) -> bool:
    try:
        return canonical_domain(text) == text
    except BadAddress:
        return False


def _signer(certificate: x509.Certificate, keys: Sequence[bytes]) -> bytes | None:
    for key in keys:
        try:
            ed25519.Ed25519PublicKey.from_public_bytes(key).verify(
                certificate.signature, certificate.tbs_certificate_bytes
            )
        except (InvalidSignature, ValueError):
            continue
        return key
    return None


def _check_time(not_before: float, not_after: float, now: float) -> None:
    if not not_before <= now <= not_after:
        raise Untrusted("leaf-expired", "a certificate that is expired or not yet valid")
