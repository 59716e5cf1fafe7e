"""What the service manager hears."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mx_core.program.notify import tell, watchdog_seconds


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound,
    ):
        path = str(Path(folder) / "notify")
        bound.bind(path)
        bound.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        yield bound


def test_states_are_lines_of_one_datagram(manager: socket.socket) -> None:
    tell("READY=1", "STATUS=serving")

    assert manager.recv(100) == b"READY=1\nSTATUS=serving"


def test_a_socket_without_a_file_is_named_with_an_at(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"mx-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind("\0" + name)
        bound.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name)
        tell("READY=1")

        assert bound.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "/nowhere/notify", "/" + "x" * 200])
def test_a_manager_that_is_not_there_is_not_missed(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)

    assert tell("READY=1") is None  # type: ignore[func-returns-value]  # it returned


@pytest.mark.parametrize(
    ("wanted", "of", "seconds"),
    [("60000000", "", 60.0), ("60000000", "1", None), ("0", "", None), ("soon", "", None)],
)
def test_the_watchdog_is_for_the_process_that_it_names(
    monkeypatch: pytest.MonkeyPatch, wanted: str, of: str, seconds: float | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", wanted)
    monkeypatch.setenv("WATCHDOG_PID", of or str(os.getpid()))

    assert watchdog_seconds() == seconds
