"""S/MIME by OpenSSL, with one key from a PKCS #12 file.

The key is read here and handed on by a descriptor.  What CBC encrypted shows by nothing whether
it was altered, so of it only text is taken: whoever alters a block makes noise of another.
docs/spec/decrypting.md §4.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, final

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from typing_extensions import override

from gateway.decrypting.enclosed import Kind, is_authentic
from gateway.decrypting.opener import (
    ALTERED,
    NO_KEY,
    NOT_PROTECTED,
    OCTETS_MAX,
    TOO_LARGE,
    NotOpened,
    Opener,
)
from gateway.decrypting.running import held, run
from mx_core.model.errors import Refused
from mx_core.model.secret import Secret

_SECONDS: Final = 600.0
_FILE_OCTETS_MAX: Final = 16 * 1024 * 1024
_NO_RECIPIENT: Final = 4  # openssl-cms(1): the message was read and could not be decrypted
_CONTROLS: Final = bytes({*range(0x20), 0x7F} - set(b"\t\r\n\f"))


@final
class OpenSSL(Opener):
    """One key and its certificate."""

    kind = Kind.SMIME

    def __init__(self, path: Path, passphrase: Secret[str]) -> None:
        """Raises Refused: It is no PKCS #12 file with a key, or the passphrase is another one."""
        try:
            with path.open("rb") as file:
                octets = file.read(_FILE_OCTETS_MAX)
            key, certificate, _ = pkcs12.load_key_and_certificates(
                octets, passphrase.reveal().encode() or None
            )
        except OSError as error:
            raise Refused(f"{path} can not be read: {(error.strerror or '').lower()}") from error
        except ValueError as error:
            raise Refused(
                f"{path} is no PKCS #12 file (.p12, .pfx), or its passphrase is another one"
            ) from error
        if key is None or certificate is None:
            raise Refused(f"{path} holds no key with its certificate")
        self._key = Secret(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self._certificate = certificate.public_bytes(Encoding.PEM)

    @override
    def open(self, ciphertext: bytes) -> bytes:
        with held(self._key.reveal()) as key, held(self._certificate) as certificate:
            command = [
                "openssl", "cms", "-decrypt", "-binary", "-inform", "DER",
                "-inkey", f"/dev/fd/{key}", "-recip", f"/dev/fd/{certificate}",
            ]  # fmt: skip
            ran = run(
                command,
                ciphertext,
                octets_max=OCTETS_MAX,
                seconds=_SECONDS,
                passed=(key, certificate),
            )
        if ran.output is None:
            raise NotOpened(TOO_LARGE)
        if ran.ended == _NO_RECIPIENT and not ran.output:
            raise NotOpened(NO_KEY)
        if ran.ended:
            raise NotOpened(ALTERED)
        if not is_authentic(ciphertext) and not is_text(ran.output):
            raise NotOpened(NOT_PROTECTED)
        return ran.output


def is_text(octets: bytes) -> bool:
    """Tell whether *octets* are UTF-8 without control signs.

    Sixteen octets of noise are that in one of some 200,000 cases.
    """
    if octets.translate(None, _CONTROLS) != octets:
        return False
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
