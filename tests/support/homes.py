"""Real ``mx-home`` processes on loopback, in a folder of their own, that never outlive the test."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from gateway.demo.ports import Block, reserve
from mx_core.control.client import ControlClient
from mx_core.discovery.txt import parse_key

_RESERVED: list[Block] = []  # until the process ends
_START_SECONDS = 120.0  # on a machine that is busy with other tests
_PROGRAM = (sys.executable, "-m", "mx_core.homeserver")
_ROOT = Path(__file__).resolve().parents[2]


def free_port_base(count: int = 4) -> int:
    """Return a number whose *count* ports are this process's from now on, for servers of ours."""
    block = reserve(count)
    _RESERVED.append(block)
    return block.first


class HomeProcess:
    """One domain's server: made once, started and stopped as often as a test likes."""

    def __init__(
        self,
        folder: Path,
        domain: str,
        peers: Path,
        settings: str = "",
        beside: HomeProcess | None = None,
    ) -> None:
        """*beside*: one more process of that one's domain, with its key."""
        self.folder = folder
        self.domain = domain
        self._ports = reserve(4)
        self.base = self._ports.first
        self.log = folder.parent / f"{folder.name}.log"
        self.record: Path | None = None
        self._process: subprocess.Popen[str] | None = None
        self.domain_key: bytes
        run(
            *("init", "--domain", domain, "--dir", str(folder)),
            *("--port-base", str(self.base), "--peers", str(peers)),
        )
        with (folder / "mx-home.toml").open("a", encoding="utf-8") as file:
            file.write(settings)
            if "[rates]" not in settings:
                file.write('\n[rates]\nexempt = ["*"]\n')  # tests of other things send in a hurry
        if beside is not None:
            for key in ("domain.key", "roles.key"):
                shutil.copy(beside.folder / key, folder / key)
            self.domain_key = beside.domain_key
            return
        stanza = run("record", "--peers", "--dir", str(folder))
        self.domain_key = parse_key(stanza.partition('key = "')[2].partition('"')[0])
        with peers.open("a", encoding="utf-8") as file:
            file.write(stanza)

    @property
    def hello(self) -> int:
        return self.base

    @property
    def federation(self) -> int:
        return self.base + 1

    @property
    def client(self) -> int:
        return self.base + 2

    @property
    def control(self) -> ControlClient:
        return ControlClient(self.folder / "control.sock", "mx-home")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, *, failpoint: str = "") -> None:
        """Start and return when all listeners accept; *failpoint* as ``mx_core.db.failpoint``."""
        assert self._process is None
        environment = {**os.environ, "MX_FAILPOINT": failpoint}
        more = () if self.record is None else ("--record-rpc", str(self.record))
        with self.log.open("a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [*_PROGRAM, "serve", "--dir", str(self.folder), *more],
                cwd=_ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        told = select.poll()  # select knows no descriptor beyond 1,023
        told.register(self._process.stdout, select.POLLIN)
        line = self._process.stdout.readline() if told.poll(_START_SECONDS * 1e3) else ""
        if line != "ready\n":
            raise AssertionError(f"mx-home did not start: {self._why()}")

    def _why(self) -> str:
        """Return what is known of a start that failed; one that hangs is made to tell where."""
        assert self._process is not None
        try:
            status: int | None = self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            status = None
            self._process.send_signal(signal.SIGABRT)  # it prints where each thread is
            self._process.wait(60.0)
        ended = "it hung" if status is None else f"it ended with {status}"
        return f"{ended}\n{self.log.read_text()}"

    def stop(self) -> int:
        """Let it drain and end; return its exit code."""
        return self._end(signal.SIGTERM)

    def close(self) -> None:
        """Kill it, and let go of its ports."""
        self.kill()
        self._ports.close()

    def kill(self) -> None:
        """End it as a power cut of the process would."""
        self._end(signal.SIGKILL)

    def wait_dead(self, seconds: float = 60.0) -> int:
        """Wait until it has ended by itself, at a failpoint; return minus the signal."""
        assert self._process is not None
        code = self._process.wait(seconds)
        self._forget()
        return code

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def invite(self, name: str = "") -> str:
        return str(self.control.post("/invite", {"name": name})["code"])

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            code = self._process.wait(60.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(60.0)
            self._forget()
            raise
        self._forget()
        return code

    def _forget(self) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None


class Homes:
    """Home servers that know each other by a static peers file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.peers = folder / "peers.toml"
        self._homes: list[HomeProcess] = []

    def make(self, domain: str, settings: str = "", *, start: bool = True) -> HomeProcess:
        """Make the server of *domain*; *settings* is added to its configuration file."""
        home = HomeProcess(self.folder / domain, domain, self.peers, settings)
        self._homes.append(home)
        if start:
            home.start()
        return home

    def make_beside(
        self, first: HomeProcess, settings: str = "", *, start: bool = True
    ) -> HomeProcess:
        """Make one more process of *first*'s domain, over the same database by *settings*."""
        folder = self.folder / f"{first.domain}-{len(self._homes)}"
        home = HomeProcess(folder, first.domain, self.peers, settings, first)
        self._homes.append(home)
        if start:
            home.start()
        return home

    def close(self) -> None:
        for home in self._homes:
            home.close()


@contextlib.contextmanager
def running_homes() -> Iterator[Homes]:
    """Give a place for home servers; everything is gone afterwards."""
    # the paths of pytest are too long for a control socket
    folder = Path(tempfile.mkdtemp(prefix="mxh-"))
    homes = Homes(folder)
    try:
        yield homes
    finally:
        homes.close()
        shutil.rmtree(folder, ignore_errors=True)


def run(*arguments: str) -> str:
    """Run one command of ``mx-home`` and return what it printed; it must succeed."""
    done = run_any(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_any(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one command of ``mx-home``, whatever its exit code."""
    return subprocess.run(
        [*_PROGRAM, *arguments], cwd=_ROOT, check=False, capture_output=True, text=True, timeout=60
    )


def eventually(holds: object, seconds: float = 60.0) -> None:
    """Return when calling *holds* gives true; fail after *seconds*.  For what another process does."""
    assert callable(holds)
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not come to hold in time"
        time.sleep(0.02)
