"""The certificate a server shows: a P-256 key for seven days, signed by the Ed25519 domain key.

An Ed25519 *leaf* is not used: gRPC's TLS stack neither offers nor accepts Ed25519 in a handshake,
but it does follow a chain signed with it.  The leaf names its domain in one SAN and nothing else;
the authority key identifier lets two anchors with one name resolve while a domain changes its key.
Knows no peer and no network.  docs/spec/federation.md §1.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from nacl.signing import SigningKey

from mx_core.model.clock import Now

LIFETIME: Final = timedelta(days=7)
_SKEW: Final = timedelta(minutes=5)  # a peer whose clock is behind accepts a fresh leaf
_RENEW_SECONDS: Final = 3.5 * 86_400
_JITTER_SECONDS: Final = 12 * 3_600
_COMMON_NAME_MAX: Final = 64  # ub-common-name, RFC 5280 appendix A.1
_ROOT_PREFIX: Final = "mailx root "


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate with its private key; *not_before* and *not_after* in unix seconds.

    *spki_hash* is that of ``der``: whoever answers a challenge looks it up, and reads no certificate.
    """

    domain: str
    key_pem: bytes = field(repr=False)
    cert_pem: bytes = field(repr=False)
    der: bytes = field(repr=False)
    spki_hash: bytes
    not_before: float
    not_after: float


def make_leaf(domain: str, domain_key: SigningKey, now: float) -> Leaf:
    """Return a fresh leaf for *domain*; *now* in unix seconds."""
    issuer_key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(domain_key))
    leaf_key = ec.generate_private_key(ec.SECP256R1())
    not_before = datetime.fromtimestamp(int(now), UTC) - _SKEW
    not_after = not_before + LIFETIME
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(root_name(domain))
        .public_key(leaf_key.public_key())
        .serial_number(int.from_bytes(secrets.token_bytes(16), "big") >> 1)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        # critical because the subject is empty: RFC 5280 §4.2.1.6
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(domain)]), critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            ),
            critical=False,
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
        .sign(issuer_key, None)
    )
    der = certificate.public_bytes(Encoding.DER)
    return Leaf(
        domain=domain,
        key_pem=leaf_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        cert_pem=certificate.public_bytes(Encoding.PEM),
        der=der,
        spki_hash=spki_hash(der),
        not_before=not_before.timestamp(),
        not_after=not_after.timestamp(),
    )


def root_name(domain: str) -> x509.Name:
    """Return the name that both the leaf's issuer field and the synthesised anchor carry.

    A domain too long for a common name stands there by its digest; the SAN holds it whole.
    """
    text = _ROOT_PREFIX + domain
    if len(text) > _COMMON_NAME_MAX:
        digest = hashes.Hash(hashes.SHA256())
        digest.update(domain.encode("ascii"))
        text = _ROOT_PREFIX + digest.finalize().hex()[:40]
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def spki_hash(leaf_der: bytes) -> bytes:
    """Return SHA-256 of the SubjectPublicKeyInfo: what sessions and proofs are bound to."""
    public_key = x509.load_der_x509_certificate(leaf_der).public_key()
    digest = hashes.Hash(hashes.SHA256())
    digest.update(public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize()


class Leaves:
    """The leaf of one domain, renewed when half its life is over.

    Private keys of leaves are never written down: a restart makes a new one.  Asked by the event
    loop and by threads of the transport; ``_lock`` covers the two fields below it.
    """

    def __init__(self, domain: str, domain_key: SigningKey, now: Now) -> None:
        """*now* tells unix seconds."""
        self._domain = domain
        self._domain_key = domain_key
        self._now = now
        self._lock = threading.Lock()
        self._leaf: Leaf | None = None
        self._renew_at = 0.0

    def current(self) -> Leaf:
        """Return the leaf to show now; a caller that built a channel on another one rebuilds it."""
        now = self._now()
        with self._lock:
            # a clock that jumped back makes a new one too, or peers would not accept it yet
            if self._leaf is None or not self._leaf.not_before <= now < self._renew_at:
                self._leaf = make_leaf(self._domain, self._domain_key, now)
                # jitter: servers started together do not all reconnect together
                self._renew_at = now + _RENEW_SECONDS + secrets.randbelow(_JITTER_SECONDS)
            return self._leaf
