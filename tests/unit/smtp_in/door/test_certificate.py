"""What STARTTLS shows: made at start where nothing is given, and renewed without a restart."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
from cryptography import x509

from mx_core.model.errors import BadConfiguration
from mx_core.tls.leaf import make_leaf
from smtp_in.door.certificate import context, load
from smtp_in.door.config import Tls
from tests.support.certificates import key_of


def shown(made: ssl.SSLContext) -> x509.Certificate:
    """Return the certificate that a client of *made* sees."""
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with made.wrap_socket(ours, server_side=True) as secure:
            secure.recv(1)

    thread = threading.Thread(target=serve)
    thread.start()
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    with anybody.wrap_socket(theirs) as secure:
        der = secure.getpeercert(binary_form=True)
        secure.send(b"x")
    thread.join()
    assert der is not None
    return x509.load_der_x509_certificate(der)


def give(folder: Path, name: str) -> None:
    leaf = make_leaf(name, key_of(name), time.time())
    (folder / "cert.pem").write_bytes(leaf.cert_pem)
    (folder / "key.pem").write_bytes(leaf.key_pem)


def names_in(certificate: x509.Certificate) -> list[str]:
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return found.value.get_values_for_type(x509.DNSName)


def test_without_files_one_is_made_for_the_name_and_another_at_each_start() -> None:
    first, again = (shown(context(Tls(), "mail.b.example")) for _ in range(2))

    assert names_in(first) == ["mail.b.example"]
    assert first.serial_number != again.serial_number


def test_the_operators_is_shown_and_read_again(tmp_path: Path) -> None:
    files = Tls(str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))
    give(tmp_path, "one.example")
    made = context(files, "mail.b.example")
    before = names_in(shown(made))
    give(tmp_path, "two.example")
    load(made, files)

    assert (before, names_in(shown(made))) == (["one.example"], ["two.example"])


def test_a_pair_that_does_not_fit_changes_nothing(tmp_path: Path) -> None:
    files = Tls(str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))
    give(tmp_path, "one.example")
    made = context(files, "mail.b.example")
    (tmp_path / "key.pem").write_text("no key", encoding="utf-8")
    with pytest.raises(BadConfiguration, match="cannot be used together"):
        load(made, files)

    assert names_in(shown(made)) == ["one.example"]
