"""Sockets of a service manager are taken by where they listen; what nobody asked for is refused."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mx_core.model.errors import BadConfiguration
from mx_core.program.activation import Passed, passed

FIRST = 200  # descriptors that no test has in use


@pytest.fixture
def given() -> Iterator[list[socket.socket]]:
    """Sockets that the test opened, passed as a manager passes them from descriptor 200 on."""
    opened: list[socket.socket] = []
    yield opened
    for one in opened:
        one.close()
    for number in range(FIRST, FIRST + 5):
        with contextlib.suppress(OSError):
            os.close(number)


def hand_over(opened: list[socket.socket], monkeypatch: pytest.MonkeyPatch, pid: int = 0) -> Passed:
    for number, one in enumerate(opened):
        os.dup2(one.fileno(), FIRST + number)
    monkeypatch.setenv("LISTEN_PID", str(pid or os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", str(len(opened)))
    return passed(FIRST)


def listening(opened: list[socket.socket], host: str = "127.0.0.1") -> int:
    one = socket.create_server((host, 0))
    opened.append(one)
    return int(one.getsockname()[1])


def test_a_socket_is_found_by_its_port_once(
    given: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, other = listening(given), listening(given)
    got = hand_over(given, monkeypatch)

    (mine,) = got.at_port(port)
    assert mine.getsockname()[1] == port
    assert not mine.get_inheritable()
    assert mine.gettimeout() == 0.0
    assert got.at_port(port) == []
    with pytest.raises(BadConfiguration, match=rf"127\.0\.0\.1:{other}, and no setting does"):
        got.must_be_taken()
    mine.close()


def test_a_unix_socket_is_found_by_its_path(
    given: list[socket.socket], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "c"
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bound.bind(str(path))
    bound.listen()
    given.append(bound)
    got = hand_over(given, monkeypatch)

    assert got.at_path(tmp_path / "other") is None
    mine = got.at_path(path)
    assert mine is not None
    got.must_be_taken()
    mine.close()


def test_sockets_for_another_process_are_not_ours_and_no_child_believes_the_variables(
    given: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    port = listening(given)
    got = hand_over(given, monkeypatch, pid=1)

    assert got.at_port(port) == []
    assert not {"LISTEN_PID", "LISTEN_FDS"} & set(os.environ)


def test_what_does_not_listen_is_named(
    given: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    given.append(datagrams)

    with pytest.raises(BadConfiguration, match="does not listen for streams"):
        hand_over(given, monkeypatch)


def test_what_is_no_socket_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    monkeypatch.setenv("LISTEN_PID", str(os.getpid()))
    monkeypatch.setenv("LISTEN_FDS", "1")
    try:
        with pytest.raises(BadConfiguration, match="is no socket"):
            passed(descriptor)
    finally:
        os.close(descriptor)


def test_without_a_manager_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LISTEN_PID", raising=False)

    passed(FIRST).must_be_taken()
