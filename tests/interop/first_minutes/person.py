"""A person with an empty home directory, and how often they had to do something.

One interaction is one thing that a person sends off: a command, a form or a dialog with whatever was typed into it,
a message.  To look at something, and to wait, is none.
"""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gateway.demo.ports import Block
from tests.interop.witness import eventually

SECONDS_MAX = 180.0
INTERACTIONS_MAX = 8


@dataclass
class Person:
    """*home* is their home directory; nothing of ours is in it but where this run's names are found."""

    home: Path
    ports: Block
    did: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def begins(self) -> None:
        """Start the clock."""
        self.began = time.monotonic()

    def does(self, what: str) -> None:
        """Count one interaction."""
        self.did.append(what)
        told = {"interaction": len(self.did), "does": what, "at": round(self.seconds, 1)}
        print(json.dumps(told), flush=True)

    @property
    def seconds(self) -> float:
        """Return how long it has taken so far."""
        return time.monotonic() - self.began

    def arrived(self, where: str) -> None:
        """Hold what it took against what it may take."""
        load = os.getloadavg()[0]
        told = {"arrived": where, "seconds": round(self.seconds, 1), "load": round(load, 1)}
        print(json.dumps(told | {"interactions": len(self.did)}), flush=True)
        assert len(self.did) <= INTERACTIONS_MAX, self.did
        assert self.seconds <= SECONDS_MAX

    @property
    def environment(self) -> dict[str, str]:
        """Return that of their shell: a screen on which a browser can be shown."""
        browser = self.home.parent / "browser"
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TERM": "xterm",
            "BROWSER": str(browser),
            "PYTHONPATH": os.pathsep.join(sys.path[1:]),
        }

    def types(self, *arguments: str, stdin: str = "") -> str:
        """Type a command of ours and return what it prints."""
        self.does(f"mx-gateway {' '.join(arguments)}")
        done = subprocess.run(
            [sys.executable, "-m", "gateway", *arguments],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextlib.contextmanager
    def starts_the_gateway(self) -> Iterator[str]:
        """Type ``mx-gateway up`` at a terminal; yield the link that the browser opens by itself."""
        opened = self.home.parent / "opened"
        browser = self.home.parent / "browser"
        browser.write_text(
            f'#!/bin/sh\nprintf %s "$1" > {opened}.new && mv {opened}.new {opened}\n'
        )
        browser.chmod(0o700)
        self.does("mx-gateway up")
        leader, terminal = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "up"],
            env=self.environment,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
        )
        os.close(terminal)
        printed: list[bytes] = []
        reader = threading.Thread(target=_read, args=(leader, printed), daemon=True)
        reader.start()
        try:
            eventually("the browser opens", opened.exists, 60)
            yield opened.read_text(encoding="utf-8")
        except BaseException:
            print(b"".join(printed).decode("utf-8", "replace")[-4000:])
            raise
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            reader.join(timeout=10)
            os.close(leader)


def _read(leader: int, printed: list[bytes]) -> None:
    with contextlib.suppress(OSError):  # the terminal is gone with the program
        while octets := os.read(leader, 4096):
            printed.append(octets)


def new_person(folder: Path, ports: Block, peers: Path) -> Person:
    """Return somebody whose home directory is empty but for where names of this run are found."""
    home = folder / "home"
    config = home / ".config" / "mx-gateway"
    config.mkdir(parents=True, mode=0o700)
    text = f'[listen]\nport_base = {ports.first}\n\n[discovery]\npeers = "{peers}"\n'
    (config / "config.toml").write_text(text, encoding="utf-8")
    return Person(home, ports)
