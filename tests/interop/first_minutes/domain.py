"""A domain as its operator has set it up: a home server, an echo, and a site behind a web server.

The web server stands in for the world's: it is the HTTP proxy of the mail program, and passes on what is asked
of the domain's own names.  The ports of this run's gateway stand in for those that every gateway has.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from typing_extensions import override

from gateway.demo.ports import reserve
from gateway.demo.processes import run
from gateway.demo.world import Side
from mx_core.mail_programs.srv import IMAP_TLS, SMTP_TLS
from tests.support.worlds import TestedWorld

DOMAIN = "a.example"
_ASKED = f"GET http://autoconfig.{DOMAIN}/mail/config-v1.1.xml"


@dataclass
class Operated(TestedWorld):
    """One domain whose site is served at *site*."""

    cast: tuple[tuple[str, str], ...] = (("operator", DOMAIN),)
    site: int = 0

    @override
    def _side(self, person: str, domain: str, home_base: int, gateway_base: int) -> Side:
        side = super()._side(person, domain, home_base, gateway_base)
        file = side.home_dir / "mx-home.toml"
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("[ports]\n", f"[ports]\nsite = {self.site}\n"), "utf-8")
        return side

    def invite(self, name: str) -> str:
        """Return the code that the operator gives a person."""
        home = str(self.alice.home_dir)
        return run(["mx_core.homeserver", "invite", "--dir", home, "--name", name]).strip()


@contextlib.contextmanager
def operated(folder: Path) -> Iterator[Operated]:
    """Run the domain; its operator's own gateway rests."""
    with (
        contextlib.closing(reserve(1)) as block,
        Operated(folder, site=block.first) as world,
    ):
        world.add_echo(world.alice)
        world.alice.gateway.stop()
        yield world


@dataclass
class WebServer:
    """*asked*: the first lines of all requests; only one is answered with what the site says."""

    site: int
    imap_tls: int
    smtp_tls: int
    port: int = 0
    asked: list[str] = field(default_factory=list)

    def answer(self, line: str) -> bytes:
        """Return the whole answer to a request that begins with *line*."""
        if not line.startswith(_ASKED):
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        address = f"http://127.0.0.1:{self.site}/mail/config-v1.1.xml"
        with urllib.request.urlopen(address, timeout=10) as said:  # ours, on loopback
            text = said.read().decode()
        for usual, here in ((IMAP_TLS, self.imap_tls), (SMTP_TLS, self.smtp_tls)):
            assert text.count(f"<port>{usual}</port>") == 1
            text = text.replace(f"<port>{usual}</port>", f"<port>{here}</port>")
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nConnection: close\r\n"
        return f"{head}Content-Length: {len(text.encode())}\r\n\r\n{text}".encode()


@contextlib.contextmanager
def web_server(site: int, imap_tls: int, smtp_tls: int) -> Iterator[WebServer]:
    """Serve until the end, a thread for each connection."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = WebServer(site, imap_tls, smtp_tls, listener.getsockname()[1])

    def one(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            line = connection.recv(8192).partition(b"\r\n")[0].decode("latin-1")
            server.asked.append(line)
            connection.sendall(server.answer(line))

    def watch() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=one, args=(connection,), daemon=True).start()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        watcher.join(timeout=10)
