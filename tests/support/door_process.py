"""A real ``mx-door`` beside a real ``mx-home``, on loopback."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.support.homes import free_port_base

_ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 120.0
DOOR = "\n[door]\nenabled = true\n"  # of the home server


class DoorProcess:
    """The door of *domain*, whose home server in *home* has one enabled."""

    def __init__(self, home: Path, domain: str, settings: str = "", nameserver: str = "") -> None:
        """*settings*: more of its file, from within ``[judging]`` on."""
        self.folder = home / "door"
        self.domain = domain
        self.port = free_port_base(1)
        self.log = home.parent / f"door-{domain}.log"
        self.settings = (
            f'host = "127.0.0.1"\nport = {self.port}\n'
            f'[judging]\nnameserver = "{nameserver or "127.0.0.1:9"}"\n{settings}\n'
        )
        self._process: subprocess.Popen[str] | None = None

    def start(self, around: Sequence[str] = ()) -> None:
        """Start it, inside of the program *around*, and return when it takes mail."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        (self.folder / "mx-door.toml").write_text(self.settings, encoding="utf-8")
        with self.log.open("a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [
                    *(*around, sys.executable, "-m", "smtp_in.door", "serve"),
                    *("--dir", str(self.folder)),
                ],
                cwd=_ROOT,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        told = select.poll()
        told.register(self._process.stdout, select.POLLIN)
        line = self._process.stdout.readline() if told.poll(_START_SECONDS * 1e3) else ""
        assert line == "ready\n", f"mx-door did not start: {self.log.read_text()}"

    @property
    def pid(self) -> int:
        """Return its own, not that of what it runs inside of."""
        assert self._process is not None
        own = self._process.pid
        children = Path(f"/proc/{own}/task/{own}/children").read_text(encoding="utf-8").split()
        command = Path(f"/proc/{own}/comm").read_text(encoding="utf-8").strip()
        return int(children[0]) if command == "strace" else own

    def stop(self) -> int:
        """Let it end; return its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut of the process would."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        if self._process.poll() is None:
            os.kill(self.pid, number)
        process, self._process = self._process, None
        try:
            code = process.wait(60.0)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait(20.0)
            if process.stdout is not None:
                process.stdout.close()
        return code
