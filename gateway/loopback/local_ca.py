"""Implicit TLS on loopback: a local certificate authority that can sign for nothing else.

The root is name-constrained to ``localhost`` and the loopback addresses (RFC 5280 §4.2.1.10), so
trusting it in a mail program gives nobody power over another site.  The leaf lives 90 days and is
renewed at start when a third of that is left; the root lives ten years and its key never leaves
this directory.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

from mx_core.db.durable import make_folder, write_file

_LEAF_DAYS = 90
_RENEW_DAYS = 30
_ROOT_DAYS = 3650
_LOOPBACK = [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")]


class LocalTls(Struct, frozen=True):
    """What the listeners use, and the file a mail program is told to trust."""

    context: ssl.SSLContext
    root_file: Path


def load(directory: Path, now: dt.datetime) -> LocalTls:
    """Return the listeners' TLS, making or renewing certificates below *directory*."""
    make_folder(directory)
    root_file, root_key_file = directory / "root.pem", directory / "root.key"
    leaf_file = directory / "leaf.pem"  # certificate, root and key in one file: one atomic write
    if not (root_file.exists() and root_key_file.exists()):
        # Crash between the two writes: no root.pem, so both are made again at the next start.
        key = ec.generate_private_key(ec.SECP256R1())
        write_file(root_key_file, _private_pem(key))
        write_file(root_file, _root(key, now).public_bytes(serialization.Encoding.PEM), mode=0o644)
    root = x509.load_pem_x509_certificate(root_file.read_bytes())
    if not leaf_file.exists() or _days_left(leaf_file, now) < _RENEW_DAYS:
        root_key = serialization.load_pem_private_key(root_key_file.read_bytes(), None)
        if not isinstance(root_key, ec.EllipticCurvePrivateKey):
            raise TypeError("root.key is of another kind than this program writes")
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = _leaf(key, root, root_key, now)
        pem = serialization.Encoding.PEM
        write_file(leaf_file, leaf.public_bytes(pem) + root.public_bytes(pem) + _private_pem(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(leaf_file)
    return LocalTls(context, root_file)


def _days_left(leaf_file: Path, now: dt.datetime) -> int:
    leaf = x509.load_pem_x509_certificate(leaf_file.read_bytes())
    return (leaf.not_valid_after_utc - now).days


def _root(key: ec.EllipticCurvePrivateKey, now: dt.datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mx-gateway on this computer")])
    permitted: list[x509.GeneralName] = [x509.DNSName("localhost")]
    permitted += [x509.IPAddress(network) for network in _LOOPBACK]
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=_ROOT_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    key: ec.EllipticCurvePrivateKey,
    root: x509.Certificate,
    root_key: ec.EllipticCurvePrivateKey,
    now: dt.datetime,
) -> x509.Certificate:
    names = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("::1")),
    ]
    issuer_id = root.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]))
        .issuer_name(root.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=_LEAF_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(_usage(sign_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_id),
            critical=False,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
