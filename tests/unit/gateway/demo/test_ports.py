"""Reserved ports are kept from everybody but the servers they are reserved for."""

import socket

import pytest

from gateway.demo.ports import reserve
from mx_core.model.errors import BadConfiguration


def test_a_reserved_port_is_taken_for_others_and_free_for_a_server_of_ours() -> None:
    block = reserve(2)
    try:
        with pytest.raises(BadConfiguration, match=f"port {block.first} is taken"):
            reserve(1, block.first)
        for _ in range(2):  # a server that restarts finds it again
            with socket.socket() as server:
                server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                server.bind(("127.0.0.1", block.first + 1))
                server.listen()
    finally:
        block.close()

    reserve(2, block.first).close()


def test_a_block_of_which_one_port_is_taken_holds_none_of_the_others() -> None:
    block = reserve(3)
    block.close()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", block.first + 2))
        with pytest.raises(BadConfiguration):
            reserve(3, block.first)
        reserve(2, block.first).close()
