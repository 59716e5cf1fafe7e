"""The two servers: started, told to forget what they keep in memory, ended."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Protocol

from bench.side_by_side.line import Line, Refused

_DOVECOT = Path("/usr/sbin/dovecot")
_DOVECOT_PORT = 14_391
_PATIENCE_SECONDS = 300
REST_SECONDS = 120.0  # in which what a server does at leisure is to be done
_STILL_SECONDS = 3.0  # longer than the log and the index take between two things that they do
_CONFIGURATION = """\
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = sdbox:{folder}/mail/%n
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
default_process_limit = 2000
default_client_limit = 5000
namespace inbox {{
  inbox = yes
  separator = /
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={folder}/mail/%n
}}
service imap-login {{
  process_limit = 2000
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service imap {{
  process_limit = 2000
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
protocol imap {{
  mail_max_userip_connections = 2000
}}
"""


class Server(Protocol):
    """One side of the comparison."""

    name: str
    port: int
    user: str
    password: str

    @property
    def pid(self) -> int:
        """Root of its processes."""

    def start(self) -> None:
        """Return once it answers."""

    def forget(self) -> None:
        """Drop whatever speeds up what was asked before; the mail stays."""

    def catch_up(self) -> float:
        """Return how many seconds it took until what is made of new mail afterwards was made."""

    def come_to_rest(self) -> float:
        """Return how many seconds it took until what it holds on the disk changed no more."""

    def stop(self) -> None:
        """End it."""

    def stored_octets(self) -> int:
        """Return what it holds on the disk."""


def login(server: Server) -> Line:
    line = Line(server.port)
    line.login(server.user, server.password)
    return line


class Dovecot:
    """Debian's, sdbox, as delivered but for limits; needs root for its users."""

    name = "Dovecot"
    user, password = "bench", "secret"

    def __init__(self, folder: Path, *, port: int = _DOVECOT_PORT, settings: str = "") -> None:
        self._folder = folder / "dovecot"
        self._settings = settings
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def start(self) -> None:
        if not _DOVECOT.exists():
            raise SystemExit("bench imap needs dovecot-imapd from Debian")
        for name in ("", "run", "mail"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o755)
        shutil.chown(self._folder / "mail", "mail", "mail")
        file = self._folder / "dovecot.conf"
        file.write_text(
            _CONFIGURATION.format(folder=self._folder, password=self.password, port=self.port)
            + self._settings
        )
        self._process = subprocess.Popen([_DOVECOT, "-F", "-c", file])
        _answering(self)

    def forget(self) -> None:
        for cache in (self._folder / "mail").rglob("dovecot.index.cache"):
            cache.unlink()

    def catch_up(self) -> float:
        return 0.0

    def come_to_rest(self) -> float:
        return 0.0

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait()

    def stored_octets(self) -> int:
        return _octets_below(self._folder / "mail")


class Own:
    """Our IMAP door over one account's store, in a process of its own."""

    name = "ours"
    user, password = "bench@bench.example", ""
    port = 0
    program = "bench.side_by_side.own_door"  # a module that is run with the folder

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "own"
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", self.program, self._folder],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        port, self.password = self._process.stdout.readline().split()
        self.port = int(port)
        _answering(self)

    def forget(self) -> None:
        self.stop()
        self.start()

    def catch_up(self) -> float:
        """Wait for the search index and late forms, for as long as is worth it."""
        begun = time.monotonic()
        while self._not_indexed() and time.monotonic() < begun + _PATIENCE_SECONDS:
            time.sleep(0.5)
        return time.monotonic() - begun

    def come_to_rest(self) -> float:
        """Wait until every long body has its file and the disk shows the same for a while.

        After ``REST_SECONDS`` no more: that is returned, and what the disk then shows is what counts.
        """
        begun = time.monotonic()
        before, since = -1, begun
        while (now := time.monotonic()) < begun + REST_SECONDS:
            _, unmoved = self._unmade()
            octets = self.stored_octets()
            if unmoved or octets != before:
                before, since = octets, now
            elif now > since + _STILL_SECONDS:
                return since - begun
            time.sleep(0.25)
        return REST_SECONDS

    def _not_indexed(self) -> int:
        return self._unmade()[0]

    def _unmade(self) -> tuple[int, int]:
        """Return how many messages are not in the index or without a form, and how many bodies move."""
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.send_signal(signal.SIGUSR1)
        messages, bodies = map(int, self._process.stdout.readline().split())
        return messages, bodies

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()

    def stored_octets(self) -> int:
        return _octets_below(self._folder)


def _answering(server: Server) -> None:
    ends = time.monotonic() + 30
    while True:
        try:
            with login(server):
                return
        except (OSError, Refused):
            if time.monotonic() > ends:
                raise
            time.sleep(0.05)


def _octets_below(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
