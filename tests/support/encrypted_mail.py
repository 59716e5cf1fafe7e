"""Mail that GnuPG and OpenSSL have encrypted, and the keys that open it."""

import base64
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    load_pem_private_key,
    pkcs12,
)

ENTITY = b"Content-Type: text/plain; charset=utf-8\r\n\r\nthe secret of the letter\r\n"
MORE = b"Subject: ...\r\nFrom: Alice <alice@a.example>\r\nTo: bob@b.example\r\n"


def pgp_mime(armoured: bytes, *, header: bytes = MORE) -> bytes:
    """RFC 3156 §4."""
    text = armoured.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return (
        header + b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b\r\n\r\n'
        b"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
        b"--b\r\nContent-Type: application/octet-stream\r\n\r\n" + text + b"\r\n--b--\r\n"
    )


def smime(der: bytes, *, header: bytes = MORE, kind: bytes = b"enveloped-data") -> bytes:
    """RFC 8551 §3.3."""
    body = base64.encodebytes(der).replace(b"\n", b"\r\n")
    return (
        header
        + b"MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type="
        + kind
        + b";\r\n"
        b" name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n" + body
    )


class GnuPG:
    """A keyring for the time of a test."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def run(self, *words: str, given: bytes = b"") -> bytes:
        command = ["gpg", "--homedir", str(self._home), "--batch", "--quiet", "--no-options"]
        loopback = ["--pinentry-mode", "loopback", "--trust-model", "always"]
        done = subprocess.run(
            [*command, *loopback, *words], input=given, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def made(
        self, name: str, kind: str = "future-default", passphrase: str = "", expires: str = "0",
        words: Sequence[str] = (),
    ) -> bytes:  # fmt: skip
        """Make a key and return its secret part, armoured."""
        typed = ["--passphrase", passphrase]
        self.run(*words, *typed, "--quick-gen-key", name, kind, "default", expires)
        return self.run(*typed, "--armor", "--export-secret-keys", name)

    def encrypted(self, name: str, octets: bytes, *words: str) -> bytes:
        return self.run(*words, "--armor", "-r", name, "--encrypt", given=octets)


@contextmanager
def gnupg() -> Iterator[GnuPG]:
    # short, since sockets stand in it
    with tempfile.TemporaryDirectory(prefix="mx-") as folder:
        # what a passphrase resists by default costs a second each time
        (Path(folder) / "gpg-agent.conf").write_text("s2k-count 65536\n")
        try:
            yield GnuPG(Path(folder))
        finally:
            subprocess.run(["gpgconf", "--homedir", folder, "--kill", "all"], check=False)


def openssl(*words: str, given: bytes = b"") -> bytes:
    done = subprocess.run(["openssl", *words], input=given, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def smime_key(
    folder: Path, kind: str = "rsa:2048", passphrase: bytes = b"secret"
) -> tuple[Path, Path]:
    """Make a key; return its certificate and its .p12 file."""
    key, certificate, p12 = (folder / f"{kind[:2]}.{end}" for end in ("key", "crt", "p12"))
    algorithm = (
        [kind] if kind.startswith("rsa") else ["ec", "-pkeyopt", f"ec_paramgen_curve:{kind}"]
    )
    openssl(
        "req", "-x509", "-newkey", *algorithm, "-nodes", "-keyout", str(key), "-out",
        str(certificate), "-days", "30", "-subj", "/CN=bob",
    )  # fmt: skip
    p12.write_bytes(
        pkcs12.serialize_key_and_certificates(
            b"bob",
            load_pem_private_key(key.read_bytes(), None),  # type: ignore[arg-type]
            x509.load_pem_x509_certificate(certificate.read_bytes()),
            None,
            BestAvailableEncryption(passphrase),
        )
    )
    return certificate, p12


def enveloped(
    certificate: Path, octets: bytes = ENTITY, cipher: str = "aes256", *words: str
) -> bytes:
    return openssl(
        "cms", "-encrypt", f"-{cipher}", "-binary", "-outform", "DER", *words,
        *(() if "-recip" in words else (str(certificate),)), given=octets,
    )  # fmt: skip


def key_file(folder: Path, octets: bytes, name: str = "key.asc") -> Path:
    path = folder / name
    path.write_bytes(octets)
    path.chmod(0o600)
    return path
