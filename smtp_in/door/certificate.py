"""The certificate that STARTTLS shows: the operator's, or one made at start and signed by itself.

Mail servers take any certificate where none is demanded (RFC 7435), so a door encrypts its
connections from the first minute on.  The key of one that is made is in memory only.
"""

from __future__ import annotations

import datetime as dt
import os
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from mx_core.model.errors import BadConfiguration
from smtp_in.door.config import Tls

_DAYS = 3_650
_COMMON_NAME_MAX = 64  # ub-common-name, RFC 5280 appendix A.1


def context(settings: Tls, name: str) -> ssl.SSLContext:
    """Return what STARTTLS speaks; *name* is what a certificate of our own names.

    Raises:
        BadConfiguration: The files can not be used.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.certificate:
        load(made, settings)
    else:
        _load_own(made, name)
    return made


def load(made: ssl.SSLContext, settings: Tls) -> None:
    """Read the operator's files again into *made*; connections that stand keep what they have.

    Raises:
        BadConfiguration: They can not be used; what was in force stays.
    """
    try:
        # tried in another one first, so that a half-written pair breaks nothing
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.certificate, settings.key)
        made.load_cert_chain(settings.certificate, settings.key)
    except (OSError, ssl.SSLError) as error:
        raise BadConfiguration(
            f"tls.certificate {settings.certificate} and tls.key {settings.key} cannot be used"
            f" together: {error.strerror or error}"
        ) from error


def _load_own(made: ssl.SSLContext, name: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:_COMMON_NAME_MAX])])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    # the ssl module reads files only; this one has no name and is on no disk
    descriptor = os.memfd_create("mx-door", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, private + certificate.public_bytes(Encoding.PEM))
        made.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
