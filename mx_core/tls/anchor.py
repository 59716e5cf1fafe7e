"""The peer's root certificate, made here from (domain, discovered key).

A root made by the peer is never used: without the critical name constraint any trusted peer
could sign a leaf for any other domain, and TLS stacks accept it (measured).  The signature of a
trust anchor is not part of path validation (RFC 5280 §6.1), so a throw-away key makes it.
Not every stack honours constraints on an anchor (RFC 5937), hence ``peer.py`` checks again.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from mx_core.model.errors import Untrusted
from mx_core.tls.leaf import root_name

_BEFORE = timedelta(days=1)
_AFTER = timedelta(days=3650)


def anchor_pem(domain: str, domain_pk: bytes, now: float) -> bytes:
    """Return the PEM anchor under which only leaves of *domain* signed by *domain_pk* verify.

    Raises:
        Untrusted: ``domain-key``: not an Ed25519 public key.
    """
    try:
        public_key = ed25519.Ed25519PublicKey.from_public_bytes(domain_pk)
    except ValueError as error:
        raise Untrusted("domain-key", f"the key of {domain} is not an Ed25519 key") from error
    name = root_name(domain)
    today = datetime.fromtimestamp(int(now), UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public_key)
        .serial_number(1)
        .not_valid_before(today - _BEFORE)
        .not_valid_after(today + _AFTER)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.NameConstraints([x509.DNSName(domain)], None), critical=True)
        .sign(ed25519.Ed25519PrivateKey.generate(), None)
        .public_bytes(Encoding.PEM)
    )
