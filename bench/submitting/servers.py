"""The three that are compared: started, measured by their processes, ended."""

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Protocol

_POSTFIX = Path("/usr/sbin/postfix")
_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
default_transport = discard:
relay_transport = discard:
smtpd_relay_restrictions = permit_mynetworks, reject
default_process_limit = 200
smtpd_client_connection_count_limit = 0
message_size_limit = 100000000
maillog_file = {folder}/log/postfix.log
maillog_file_prefixes = {folder}
"""
_MASTER = """\
{port} inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
discard unix - - n - - discard
error unix - - n - - error
retry unix - - n - - error
proxymap unix - - n - - proxymap
"""


class Server(Protocol):
    """One side of the comparison."""

    name: str
    port: int
    user: str
    password: str

    def stop(self) -> None:
        """End its processes."""


class OwnDoor:
    """See ``own_door``."""

    name, user = "mx-gateway", "alice@a.example"

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.submitting.own_door", str(folder)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        port, self.password = self._process.stdout.readline().split()
        self.port = int(port)

    def resident_mb(self, name: str = "VmRSS") -> float:
        """Return what its process holds now, or has held at most (``VmHWM``)."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8")
        [line] = [each for each in status.splitlines() if each.startswith(name)]
        return int(line.split()[1]) / 1024

    def forget_peak(self) -> None:
        """Begin to count anew what it has held at most."""
        Path(f"/proc/{self._process.pid}/clear_refs").write_text("5", encoding="utf-8")

    def processor_seconds(self) -> float:
        """Return what it has used of the processor, all threads."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8").split()
        return (int(fields[13]) + int(fields[14])) / 100

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)


class Sink:
    """See ``sink``."""

    name, user, password = "aiosmtpd", "", ""

    def __init__(self) -> None:
        self.port = _free_port()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.submitting.sink", str(self.port)]
        )
        _await_port(self.port)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)


class Postfix:
    """Debian's, with a queue of its own; queues durably, then hands over to ``discard``."""

    name, user, password = "Postfix", "", ""

    def __init__(self, folder: Path) -> None:
        self.port = _free_port()
        self._config = folder / "config"
        for each in ("config", "queue", "data", "log"):
            (folder / each).mkdir(parents=True)
        shutil.chown(folder / "data", "postfix")
        folder.chmod(0o755)
        (self._config / "main.cf").write_text(_MAIN.format(folder=folder), encoding="utf-8")
        (self._config / "master.cf").write_text(_MASTER.format(port=self.port), encoding="utf-8")
        self._say("start")
        _await_port(self.port)

    @staticmethod
    def installed() -> bool:
        """Tell whether this machine has one, and lets it be started."""
        return _POSTFIX.exists() and _is_root()

    def stop(self) -> None:
        self._say("stop")

    def _say(self, word: str) -> None:
        subprocess.run(
            [str(_POSTFIX), "-c", str(self._config), word], check=True, capture_output=True
        )


def _is_root() -> bool:
    return Path("/proc/self").stat().st_uid == 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def _await_port(port: int) -> None:
    ends = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.1)
        else:
            return
