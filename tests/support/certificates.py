"""Certificates that a dishonest or broken peer might show, next to the keys of a few domains."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from nacl.signing import SigningKey

from mx_core.tls.leaf import Leaf, root_name, spki_hash


def key_of(domain: str) -> SigningKey:
    """Return a domain key that is the same in every run."""
    return SigningKey(domain.encode().ljust(32, b"\x00")[:32])


def pk_of(domain: str) -> bytes:
    return bytes(key_of(domain).verify_key)


def crooked_leaf(
    signer: str,
    names: Sequence[str],
    now: float,
    *,
    issuer: str | None = None,
    not_before: timedelta = timedelta(minutes=-5),
    lifetime: timedelta = timedelta(days=7),
    ca: bool = False,
    curve: ec.EllipticCurve | None = None,
    ed25519_key: bool = False,
    with_names: bool = True,
) -> Leaf:
    """Return a leaf signed by the key of *signer* for whatever *names* say."""
    signing = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(key_of(signer)))
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
    key = (
        ed25519.Ed25519PrivateKey.generate()
        if ed25519_key
        else ec.generate_private_key(curve or ec.SECP256R1())
    )
    start = datetime.fromtimestamp(int(now), UTC) + not_before
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(root_name(issuer or signer))
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(start + lifetime)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False
        )
    )
    if with_names:
        general = [_general_name(name) for name in names]
        builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=True)
    certificate = builder.sign(signing, None)
    der = certificate.public_bytes(Encoding.DER)
    return Leaf(
        domain=names[0],
        key_pem=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        cert_pem=certificate.public_bytes(Encoding.PEM),
        der=der,
        spki_hash=spki_hash(der),
        not_before=start.timestamp(),
        not_after=(start + lifetime).timestamp(),
    )


def unconstrained_root(domain: str, now: float) -> bytes:
    """Return the root that *domain* would like others to trust: without a name constraint."""
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(key_of(domain)))
    start = datetime.fromtimestamp(int(now), UTC) - timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(root_name(domain))
        .issuer_name(root_name(domain))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=100))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, None)
        .public_bytes(Encoding.PEM)
    )


def web_certificate(names: Sequence[str]) -> tuple[bytes, bytes, bytes]:
    """Return (CA, certificate, private key) in PEM, as the public web would issue them."""
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a web CA")])
    start = datetime.now(UTC) - timedelta(hours=1)
    end = start + timedelta(days=2)
    ca = (
        x509.CertificateBuilder()
        .subject_name(ca_name)
        .issuer_name(ca_name)
        .public_key(ca_key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False
        )
        .add_extension(_key_usage(), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(ca_name)
        .public_key(key.public_key())
        .serial_number(2)
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(
            x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=True
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )
    return (
        ca.public_bytes(Encoding.PEM),
        certificate.public_bytes(Encoding.PEM),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )


def _key_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
