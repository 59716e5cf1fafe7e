"""A PostgreSQL server of the tests' own: in a folder of its own, on a unix socket, with fsync on.

Debian keeps the server's programs out of PATH; the server refuses to run as root, so root lends it
the account that the package makes.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

USER = "mx"
_START_SECONDS = 60.0
_SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "fsync": "on",
    "synchronous_commit": "on",
    "log_min_messages": "fatal",
    "deadlock_timeout": "200ms",
}

# as docs/guide/scaling.md says for a server of its own
ROOMY = {
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "15min",
    "wal_buffers": "16MB",
}


@functools.cache
def programs() -> Path | None:
    """Return the folder of the newest installed server."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4])
    )
    if found:
        return found[-1].parent
    here = shutil.which("initdb")
    return None if here is None else Path(here).resolve().parent


class PostgresServer:
    """One cluster; started and stopped as often as a test likes."""

    def __init__(self, folder: Path, settings: dict[str, str] | None = None) -> None:
        self.folder = folder
        self._settings = _SETTINGS | (settings or {})
        found = programs()
        assert found is not None, "Debian's package postgresql is missing"
        self._programs = found
        self._process: subprocess.Popen[bytes] | None = None
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            owner = _lent()
            os.chown(folder, owner.pw_uid, owner.pw_gid)
            self._as = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        self._run(
            *("initdb", "-D", str(folder / "data"), "-U", USER, "-A", "trust"),
            *("-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"),
        )

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@/{database}?host={self.folder}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start, and return when it answers; after a kill its children may have to end first."""
        until = time.monotonic() + _START_SECONDS
        settings = [f"-c{name}={value}" for name, value in self._settings.items()]
        while True:
            with (self.folder / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    [
                        *(str(self._programs / "postgres"), "-D", str(self.folder / "data")),
                        *("-k", str(self.folder), *settings),
                    ],
                    stdout=log,
                    stderr=log,
                    cwd=self.folder,
                    **self._as,
                )
            while self._process.poll() is None:
                if self._answers():
                    return
                assert time.monotonic() < until, self._told()
                time.sleep(0.02)
            assert time.monotonic() < until, self._told()
            time.sleep(0.05)

    def kill(self) -> None:
        """End the server and every child at once, as when the machine's memory runs out."""
        assert self._process is not None
        children = _children(self._process.pid)
        for pid in (self._process.pid, *children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(20)
        self._process = None

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)  # at once: nobody reads what it holds
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None

    def children(self) -> list[int]:
        """Return the processes that serve sessions and tend the files."""
        return _children(self.pid)

    def pid_of(self, kind: str) -> int:
        """Return the child that *kind* names in the server's list, as ``walwriter``."""
        return int(self.sql(f"SELECT pid FROM pg_stat_activity WHERE backend_type = '{kind}'"))

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stop it and its children in the middle of what they do."""
        pids = (self.pid, *_children(self.pid))
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def sql(self, *statements: str, database: str = "postgres") -> str:
        """Run *statements* in one session and return what they select, one row a line."""
        return self._run(
            *("psql", "-h", str(self.folder), "-U", USER, "-d", database, "-Atq"),
            *("-v", "ON_ERROR_STOP=1"),
            *(f"-c{statement}" for statement in statements),
        )

    def make(self, database: str) -> str:
        """Make an empty database; return its URL."""
        self.sql(f"CREATE DATABASE {database}")
        return self.url(database)

    def empty(self, database: str) -> str:
        """Make a database, or empty the one that a test before has used: it is cheaper."""
        if self.sql(f"SELECT 1 FROM pg_database WHERE datname = '{database}'"):
            self.sql("DROP SCHEMA public CASCADE", "CREATE SCHEMA public", database=database)
            return self.url(database)
        return self.make(database)

    def _answers(self) -> bool:
        asked = subprocess.run(
            [self._programs / "pg_isready", "-q", "-h", str(self.folder)], check=False
        )
        return asked.returncode == 0

    def _run(self, program: str, *arguments: str) -> str:
        done: subprocess.CompletedProcess[str] = subprocess.run(
            [self._programs / program, *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
            cwd=self.folder,
            **self._as,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def _told(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-2_000:]


@contextlib.contextmanager
def running_postgres(settings: dict[str, str] | None = None) -> Iterator[PostgresServer]:
    """Give a server that runs, with *settings* beside those of tests; everything is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="mxp-"))  # short: the socket is in it
    server = PostgresServer(folder, settings)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _lent() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _children(pid: int) -> list[int]:
    try:
        told = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except FileNotFoundError:
        return []
    return [int(each) for each in told.split()]
