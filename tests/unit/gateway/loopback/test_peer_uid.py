import os
import socket

import pytest

from gateway.loopback import peer_uid
from gateway.loopback.peer_uid import is_own_loopback, socket_uid


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_owner_of_a_loopback_connection_is_known(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with (
        socket.create_server((host, 0), family=family) as server,
        socket.create_connection(server.getsockname()[:2]) as client,
    ):
        peer = client.getsockname()[:2]
        own = client.getpeername()[:2]

        assert socket_uid(peer, own) == os.getuid()
        assert is_own_loopback(peer, own)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_table_says_the_same_where_the_kernel_can_not_be_asked(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with (
        socket.create_server((host, 0), family=family) as server,
        socket.create_connection(server.getsockname()[:2]) as client,
    ):
        peer, own = client.getsockname()[:2], client.getpeername()[:2]
        assert peer_uid._asked(peer, own) == os.getuid()

        monkeypatch.setattr(peer_uid, "_NETLINK_SOCK_DIAG", 99)

        assert socket_uid(peer, own) == os.getuid()


def test_a_socket_that_listens_is_no_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert socket_uid(server.getsockname(), ("127.0.0.1", 2)) is None


def test_a_connection_that_does_not_exist_has_no_owner() -> None:
    assert socket_uid(("127.0.0.1", 1), ("127.0.0.1", 2)) is None
    assert not is_own_loopback(("127.0.0.1", 1), ("127.0.0.1", 2))


def test_another_machine_is_never_the_own_user() -> None:
    assert not is_own_loopback(("192.0.2.1", 40000), ("192.0.2.2", 1143))
