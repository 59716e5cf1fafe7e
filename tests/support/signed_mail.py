"""Mail that a domain has signed, with keys of our own, and the records that go with them."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

import dkim
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from nacl.signing import SigningKey

LETTER = (
    b"From: Carol <carol@c.example>\r\nTo: bob@b.example\r\nSubject: x\r\n"
    b"Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nMessage-ID: <1@c.example>\r\n\r\nhello\r\n"
)


@cache
def rsa_key(bits: int = 1024) -> tuple[bytes, str]:
    """Return a private key in PEM and the record that publishes it."""
    key = rsa.generate_private_key(65_537, bits)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return pem, f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}"


def ed25519_key(seed: bytes = b"s" * 32) -> tuple[bytes, str]:
    """Return the same for Ed25519, as dkimpy takes it."""
    public = bytes(SigningKey(seed).verify_key)
    return base64.b64encode(seed), f"v=DKIM1; k=ed25519; p={base64.b64encode(public).decode()}"


def signed(message: bytes, domain: str = "c.example", selector: str = "s", **more: Any) -> bytes:
    """Return *message* behind a signature of *domain*."""
    key = more.pop("key", None) or rsa_key()[0]
    return bytes(dkim.sign(message, selector.encode(), domain.encode(), key, **more)) + message


def sealed_by(message: bytes, domain: str, results: bytes, instance_of: str = "s") -> bytes:
    """Return *message* behind an ARC set of *domain*, which found *results*."""
    found = b"Authentication-Results: " + domain.encode() + b"; " + results + b"\r\n"
    lines = dkim.arc_sign(
        found + message, instance_of.encode(), domain.encode(), rsa_key()[0], domain.encode()
    )
    return b"".join(lines) + message
