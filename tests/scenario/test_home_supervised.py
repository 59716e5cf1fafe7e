"""A home server under a service manager: it says when it is ready and alive, and rereads its file."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mx_core.proto.federation_pb2 import ACCEPTED, RATE_LIMITED
from tests.support.home_device import HomeDevice, item_for
from tests.support.homes import HomeProcess, Homes, eventually

pytestmark = [pytest.mark.anyio, pytest.mark.fleet]


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with (
        tempfile.TemporaryDirectory(prefix="mxn-") as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound,
    ):
        path = str(Path(folder) / "notify")
        bound.bind(path)
        bound.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        monkeypatch.setenv("WATCHDOG_USEC", "300000")
        yield bound


def test_the_manager_hears_ready_then_that_it_lives_then_that_it_stops(
    homes: Homes, manager: socket.socket
) -> None:
    home = homes.make("told.example")

    assert {manager.recv(100) for _ in range(4)} == {b"READY=1", b"WATCHDOG=1"}
    assert home.stop() == 0
    heard = b""
    while heard != b"STOPPING=1":
        heard = manager.recv(100)
        assert heard in {b"WATCHDOG=1", b"STOPPING=1"}


async def test_rates_change_while_serving_and_a_file_with_problems_changes_nothing(
    homes: Homes,
) -> None:
    home = homes.make("a.example")
    async with HomeDevice(home, "anna") as anna:
        await anna.join()
        _configure(home, 'exempt = ["*"]', "user_per_minute = 1\nuser_burst = 1")
        eventually(lambda: "event=reloaded" in home.log.read_text())
        items = [item_for(anna.address) for _ in range(2)]
        assert [await anna.submit(item) for item in items] == [ACCEPTED, RATE_LIMITED]

        _configure(home, "user_burst = 1", "user_burst = 0")
        eventually(lambda: "event=reload_refused" in home.log.read_text())
        assert await anna.submit(items[1]) == RATE_LIMITED


def test_what_cannot_change_while_serving_is_named(homes: Homes) -> None:
    home = homes.make("named.example", "[queue]\nbatch_items = 10\n")

    _configure(home, "batch_items = 10", "batch_items = 11")

    eventually(lambda: "needs_restart=queue" in home.log.read_text())


def test_the_domain_key_can_be_a_credential_of_the_manager(
    homes: Homes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = homes.make("cred.example", start=False)
    (home.folder / "domain.key").rename(tmp_path / "domain.key")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    home.start()

    assert home.control.get("/status")["domain"] == "cred.example"
    home.stop()


def _configure(home: HomeProcess, old: str, new: str) -> None:
    path = home.folder / "mx-home.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    os.kill(home.pid, signal.SIGHUP)
