"""Both programs under a manager that holds their sockets: who connects before they start is served."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from mx_core.control.client import ControlClient
from tests.support.homes import Homes, free_port_base

pytestmark = pytest.mark.fleet

ROOT = Path(__file__).resolve().parents[2]


class Activated:
    """The manager's side: its sockets listen, and the program has not been started yet."""

    def __init__(
        self, ports: Sequence[int], path: str, program: Sequence[str], notify: str
    ) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.activated", ",".join(map(str, ports)), path]
            + list(program),
            cwd=ROOT,
            env={**os.environ, "NOTIFY_SOCKET": notify, "WATCHDOG_USEC": "300000"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.expect("listening")

    def expect(self, word: str) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == word

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)
        return self.process.returncode


@pytest.fixture
def short() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mxa-") as folder:
        yield Path(folder)


@pytest.fixture
def manager(short: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(short / "notify"))
        bound.settimeout(120)
        yield bound


def heard_until(manager: socket.socket, state: bytes) -> set[bytes]:
    heard: set[bytes] = set()
    while state not in heard:
        heard |= set(manager.recv(200).split(b"\n"))
    return heard


def test_the_gateway_serves_who_connected_before_it_started(
    short: Path, manager: socket.socket
) -> None:
    base = free_port_base(5)
    (short / "config").mkdir(mode=0o700)
    (short / "config" / "config.toml").write_text(f"[listen]\nport_base = {base}\n")
    (short / "run").mkdir(mode=0o700)
    control = short / "run" / "control.sock"
    program = Activated(
        [base, base + 1, base + 4],  # the rest is bound by the program itself
        str(control),
        ["gateway", "--home", str(short), "up"],
        str(short / "notify"),
    )
    with contextlib.ExitStack() as stack:
        stack.callback(program.end)
        early = {
            port: stack.enter_context(socket.create_connection(("127.0.0.1", port), 120))
            for port in (base, base + 1, base + 4)
        }
        early[base + 4].sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        program.go()
        program.expect("ready")

        assert early[base].recv(100).startswith(b"* OK ")
        assert early[base + 1].recv(100).startswith(b"220 ")
        assert early[base + 4].recv(100).startswith(b"HTTP/1.1 ")
        told = ControlClient(control, "mx-gateway").get("/status")
        assert (told["accounts"], told["locked"]) == ([], False)
        assert told["before_login"]["reached"] > 0  # these connections are seen already
        with socket.create_connection(("127.0.0.1", base + 3), 30):
            pass
        assert b"WATCHDOG=1" in heard_until(manager, b"READY=1") | heard_until(
            manager, b"WATCHDOG=1"
        )
        assert program.end() == 0
        heard_until(manager, b"STOPPING=1")
        assert control.exists()  # it is the manager's, who listens on


def test_a_socket_of_the_unit_that_no_setting_asks_for_stops_the_start(short: Path) -> None:
    base, stray = free_port_base(5), free_port_base(1)
    (short / "config").mkdir(mode=0o700)
    (short / "config" / "config.toml").write_text(f"[listen]\nport_base = {base}\n")
    program = Activated([stray], "-", ["gateway", "--home", str(short), "up"], "")
    program.go()

    _, said = program.process.communicate(timeout=60)

    assert program.process.returncode == os.EX_CONFIG
    assert f"127.0.0.1:{stray}, and no setting does" in said


def test_the_site_of_a_home_server_serves_who_connected_before_it_started(homes: Homes) -> None:
    site = free_port_base(1)
    home = homes.make("a.example", start=False)
    path = home.folder / "mx-home.toml"
    text = path.read_text(encoding="utf-8")
    assert "[ports]\n" in text
    path.write_text(text.replace("[ports]\n", f"[ports]\nsite = {site}\n"), encoding="utf-8")
    program = Activated([site], "-", ["mx_core.homeserver", "serve", "--dir", str(home.folder)], "")
    with contextlib.ExitStack() as stack:
        stack.callback(program.end)
        early = stack.enter_context(socket.create_connection(("127.0.0.1", site), 120))
        early.sendall(b"GET /.well-known/mailx-server HTTP/1.1\r\nHost: a.example\r\n\r\n")
        program.go()
        program.expect("ready")

        assert early.recv(100).startswith(b"HTTP/1.1 200 OK")
        assert program.end() == 0
