import datetime as dt
import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography import x509

from gateway.loopback.local_ca import load

NOW = dt.datetime.now(dt.UTC)


def handshake(server: ssl.SSLContext, trusted: Path, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                try:
                    server.wrap_socket(connection, server_side=True).close()
                except (ssl.SSLError, OSError):
                    return

        thread = threading.Thread(target=answer)
        thread.start()
        client = ssl.create_default_context(cafile=trusted)
        try:
            with (
                socket.create_connection(listener.getsockname()) as plain,
                client.wrap_socket(plain, server_hostname=name) as wrapped,
            ):
                wrapped.version()
        finally:
            thread.join()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_a_client_that_trusts_the_root_can_connect(tmp_path: Path, name: str) -> None:
    tls = load(tmp_path, NOW)

    handshake(tls.context, tls.root_file, name)


def test_the_root_can_sign_for_no_other_site(tmp_path: Path) -> None:
    root = x509.load_pem_x509_certificate(load(tmp_path, NOW).root_file.read_bytes())
    constraints = root.extensions.get_extension_for_class(x509.NameConstraints)

    assert constraints.critical
    assert {str(name.value) for name in constraints.value.permitted_subtrees or []} == {
        "localhost",
        "127.0.0.0/8",
        "::1/128",
    }


def test_the_root_stays_and_an_old_leaf_is_renewed(tmp_path: Path) -> None:
    root = load(tmp_path, NOW).root_file.read_bytes()
    leaf = (tmp_path / "leaf.pem").read_bytes()

    load(tmp_path, NOW + dt.timedelta(days=10))
    assert (tmp_path / "leaf.pem").read_bytes() == leaf

    later = load(tmp_path, NOW + dt.timedelta(days=70))
    assert (tmp_path / "leaf.pem").read_bytes() != leaf
    assert later.root_file.read_bytes() == root


def test_keys_are_closed_to_others(tmp_path: Path) -> None:
    load(tmp_path, NOW)

    assert (tmp_path / "root.key").stat().st_mode & 0o077 == 0
    assert (tmp_path / "leaf.pem").stat().st_mode & 0o077 == 0
