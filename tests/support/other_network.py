"""A computer that sleeps and moves to another network, with a gateway on it and the way to its home server.

``python -m tests.support.other_network FOLDER`` inside ``unshare --net``: a network namespace is the computer, and
the address that it sends from its network.  Prints one JSON document: seconds until mail was there, for each story.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.demo.world import World
from tests.support.clients import about, smtp, wait_until
from tests.support.dead_line import DeadLine, State, dead_line

_OTHER_HOST = "127.0.0.2"  # of this computer, too: there the line listens
_FEDERATION, _CLIENT = 1, 2  # ports of a home server after its first
_STOOD_SECONDS = 10.0  # a gateway that stood still so long has slept (gateway.network.interruption)
_OUT_SECONDS = 15.0  # pauses between tries have grown by then
_NETWORKS = ("10.1.0.2", "10.2.0.2", "10.3.0.2")  # from where the computer sends
_DEAD_SECONDS = 3.0  # the gateway has looked, and found no network


@dataclass
class Far:
    """Two domains; alice's gateway reaches its home server by *line* and not otherwise."""

    world: World
    line: DeadLine

    def stand_still(self) -> None:
        """Stop the gateway as a whole, while its line dies."""
        process = self.world.alice.gateway.process
        assert process is not None
        self.line.become(State.DEAD)
        os.kill(process.pid, signal.SIGSTOP)
        try:
            time.sleep(_STOOD_SECONDS)
            self.writes("while-it-slept")
        finally:
            self.line.become(State.ALIVE)
            os.kill(process.pid, signal.SIGCONT)

    def writes(self, subject: str) -> None:
        """Let bob write to alice; return when her home server has it."""
        bob, alice = self.world.bob.known, self.world.alice
        text = f"From: {bob.address}\r\nTo: {alice.address}\r\nSubject: {subject}\r\n\r\nx\r\n"
        with smtp(bob) as client:
            client.sendmail(bob.address, [alice.address], text.encode())
        wait_until(lambda: not self.world.status(self.world.bob)["accounts"][0]["outbox"])

    def seconds_until(self, subject: str) -> float:
        """Return how long it takes from now until alice's mail program has the message."""
        begun = time.monotonic()
        wait_until(lambda: bool(about(self.world.alice.known, subject)), 120.0)
        return round(time.monotonic() - begun, 1)

    def connected(self) -> bool:
        """Tell whether the gateway believes to be."""
        return bool(self.world.status(self.world.alice)["accounts"][0]["connected"])


@contextmanager
def far_gateway(folder: Path) -> Iterator[Far]:
    """Make both domains, then put the line between alice's gateway and her home server."""
    with ExitStack() as stack:
        world = stack.enter_context(World(folder))
        alice = world.alice
        alice.gateway.stop()
        alice.home.stop()
        settings = alice.home_dir / "mx-home.toml"
        text = settings.read_text(encoding="utf-8")
        named = f'public_host = "{_OTHER_HOST}"\n'
        settings.write_text(text.replace("\n[ports]", f"{named}\n[ports]", 1), encoding="utf-8")
        base = int(text.partition("hello = ")[2].split()[0])
        lines = [
            stack.enter_context(dead_line((_OTHER_HOST, port), ("127.0.0.1", port)))
            for port in (base + _FEDERATION, base + _CLIENT)
        ]
        alice.home.start()
        alice.gateway.start()
        far = Far(world, lines[1])
        wait_until(far.connected)
        assert far.line.opened
        yield far


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _join_network(address: str) -> None:
    """Send what goes anywhere from *address*; it arrives nowhere, as through a made-up interface."""
    _ip("address", "add", address, "dev", "lo")
    _ip("route", "add", "default", "dev", "lo", "src", address)


def _leave_network(address: str) -> None:
    _ip("address", "delete", f"{address}/32", "dev", "lo")


def _moved(far: Far, how: State, seconds: float, before: str, after: str) -> None:
    """Lose the network, be in none for so long, and join another one."""
    far.line.become(how)
    _leave_network(before)
    far.writes(f"while-{how.value}")
    time.sleep(seconds)
    far.line.become(State.ALIVE)
    _join_network(after)


def _stories(far: Far) -> dict[str, float]:
    stories: dict[str, Callable[[], None]] = {
        "while-it-slept": far.stand_still,
        "while-dead": lambda: _moved(far, State.DEAD, _DEAD_SECONDS, *_NETWORKS[:2]),
        "while-cut": lambda: _moved(far, State.CUT, _OUT_SECONDS, *_NETWORKS[1:]),
    }
    told = {}
    for subject, story in stories.items():
        wait_until(far.connected)
        story()
        told[subject] = far.seconds_until(subject)
    return told


def main() -> None:
    """Play all stories in the folder that is named."""
    _ip("link", "set", "lo", "up")
    _join_network(_NETWORKS[0])
    with far_gateway(Path(sys.argv[1])) as far:
        print(json.dumps(_stories(far)))


if __name__ == "__main__":
    main()
