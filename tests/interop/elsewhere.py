"""Ordinary mail of alice: a Dovecot whose mail comes into her gateway, and a server for sending it.

Whatever is set at the gateway is taken away again: other stories use the same one.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.demo.processes import run
from gateway.legacy.client import Server
from tests.interop.witness import Witness
from tests.support.dovecot import PASSWORD, dovecot, imap


@dataclass(frozen=True)
class Elsewhere:
    """The account there, and the gateway here."""

    me: Witness
    server: Server

    def put(self, *letters: bytes) -> None:
        with imap(self.server) as client:
            for letter in letters:
                status, answer = client.append("INBOX", "", "", letter)
                assert status == "OK", answer

    def command(self, *words: str, typed: str = "") -> str:
        """Run ``mx-gateway`` at the gateway of the account."""
        home = Path(self.me.settings.ca).parents[2]
        return run(["gateway", "--home", str(home), *words], stdin=typed)

    def asleep(self, domain: str) -> None:
        """Put a domain on the network whose server does not answer."""
        peers = Path(self.me.settings.ca).parents[3] / "peers.toml"
        known = peers.read_text(encoding="utf-8")
        key = next(line for line in known.splitlines() if line.startswith("key = "))
        if domain not in known:
            asleep = f'\n[peers."{domain}"]\n{key}\nhello = "127.0.0.1:9"\n'
            peers.write_text(known + asleep, encoding="utf-8")


@contextlib.contextmanager
def elsewhere(folder: Path, me: Witness) -> Iterator[Elsewhere]:
    """Let mail of a Dovecot in *folder* come in, and ordinary mail go out where it is allowed."""
    with dovecot(folder) as server:
        made = Elsewhere(me, server)
        secret = ["--password-command", shlex.join(["echo", PASSWORD])]
        made.command(
            "legacy", "add", me.address, server.location, *secret, "--ca-file", server.ca_file
        )
        way = ["--host", "localhost", "--port", "9", "--user", "alice"]
        made.command("relay", "set", me.address, *way, typed="no matter\n")
        try:
            yield made
        finally:
            made.command("relay", "remove", me.address)
            made.command("legacy", "remove", me.address, server.location)
