"""A gateway's memory, whatever is said to its submission door: lines, recipients, slow clients."""

import base64
import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.demo.world import Side, World
from mx_core.control.client import ControlClient

pytestmark = pytest.mark.fleet

MB = 1_000_000
RECIPIENTS, TAKEN = 10_000, 500
CLIENTS, CONNECTIONS = 1_000, 512


@pytest.fixture(scope="module")
def alice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    with World(tmp_path_factory.mktemp("bounds")) as world:
        yield world.alice


def resident(side: Side) -> int:
    """Return the octets that the gateway's process holds, at most, since it was asked before."""
    process = side.gateway.process
    assert process is not None
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    [line] = [each for each in status.splitlines() if each.startswith("VmHWM")]
    Path(f"/proc/{process.pid}/clear_refs").write_text("5", encoding="utf-8")
    return int(line.split()[1]) * 1024


@contextlib.contextmanager
def logged_in(side: Side) -> Iterator[socket.socket]:
    with contextlib.closing(socket.create_connection(("127.0.0.1", side.known.smtp), 60)) as sock:
        plain = base64.b64encode(f"\0{side.known.username}\0{side.known.password}".encode())
        for words, code in ((b"", b"220"), (b"EHLO x", b"250"), (b"AUTH PLAIN " + plain, b"235")):
            assert said(sock, words).startswith(code)
        yield sock


def said(sock: socket.socket, words: bytes) -> bytes:
    """Say *words*, and return the last line of the answer."""
    if words:
        sock.sendall(words + b"\r\n")
    answer = b""
    while not answer.endswith(b"\r\n") or answer.splitlines()[-1][3:4] == b"-":
        more = sock.recv(65_536)
        if not more:
            return answer
        answer += more
    return answer.splitlines()[-1]


def test_200_mb_without_a_line_end_are_hung_up_on_and_not_kept(alice: Side) -> None:
    before = resident(alice)
    with logged_in(alice) as sock:
        for words in (f"MAIL FROM:<{alice.address}>", "RCPT TO:<bob@b.example>", "DATA"):
            assert said(sock, words.encode())[:1] in b"23"
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 200 * MB:
                sock.sendall(b"x" * MB)
                sent += MB
        with contextlib.suppress(ConnectionError):
            assert said(sock, b"")[:1] in b"45"

    assert sent < 200 * MB
    assert resident(alice) - before < 20 * MB


def test_of_10000_recipients_those_within_the_bound_are_taken_and_the_others_told(
    alice: Side,
) -> None:
    before = resident(alice)
    with logged_in(alice) as sock:
        assert said(sock, f"MAIL FROM:<{alice.address}>".encode()).startswith(b"250")
        answers = [
            said(sock, b"RCPT TO:<bob+%d@b.example>" % number)[:3] for number in range(RECIPIENTS)
        ]

    assert answers == [b"250"] * TAKEN + [b"452"] * (RECIPIENTS - TAKEN)
    assert resident(alice) - before < 20 * MB


def test_1000_slow_clients_cost_little_and_the_door_opens_again(alice: Side) -> None:
    before = resident(alice)
    with contextlib.ExitStack() as stack:
        greeted = []
        for _ in range(CLIENTS):
            sock = socket.create_connection(("127.0.0.1", alice.known.smtp), 60)
            stack.callback(sock.close)
            greeted.append(said(sock, b"")[:3])
            if greeted[-1] == b"220":
                sock.sendall(b"EHLO slo")  # and never the rest
        grown = resident(alice) - before

    assert greeted.count(b"220") <= CONNECTIONS
    assert greeted.count(b"220") + greeted.count(b"421") == CLIENTS
    assert grown < 40 * MB
    ends = time.monotonic() + 60
    while True:
        with contextlib.suppress(AssertionError), logged_in(alice):
            return
        assert time.monotonic() < ends, "the door stayed shut"
        time.sleep(0.2)


def test_the_gateway_still_answers_its_owner(alice: Side) -> None:
    control = ControlClient(alice.gateway_dir / "run" / "control.sock", "mx-gateway")

    assert control.get("/status")["accounts"][0]["address"] == alice.address
