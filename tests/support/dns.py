"""Real DNS on loopback: knot serves DNSSEC-signed and plain zones, unbound validates.

    with dns_servers(signed=["a.test"], plain=["b.test"], bogus=["c.test"]) as dns:
        dns.publish("a.test", ['_mailx 300 TXT "v=mailx1; …"'])
        Finder(resolver=dns.settings())

Unprivileged; ports are free ones; everything is gone when the block ends.  A *bogus* zone is
signed, but the resolver was given another key for it.  Zones can be published anew at any time:
the resolver's cache is emptied, and ``publish`` returns when the new content is served.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mx_core.resolver.settings import ResolverSettings

_START_SECONDS = 20.0
_POLL_SECONDS = 0.01
_ZONE_HEAD = """$ORIGIN {zone}.
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 {negative}
@ NS ns
ns A 127.0.0.1
"""
_KNOT = """server:
  listen: 127.0.0.1@{port}
  rundir: {folder}
log:
  - target: stderr
    any: info
database:
  storage: {folder}
  journal-db-max-size: 16M
  kasp-db-max-size: 16M
  timer-db-max-size: 16M
control:
  listen: {folder}/knot.sock
policy:
  - id: ours
    algorithm: ed25519
    nsec3: on
    single-type-signing: on
zone:
"""
_KNOT_ZONE = """  - domain: {zone}
    file: {folder}/{zone}.zone
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
"""
_KNOT_SIGNED = """    dnssec-signing: on
    dnssec-policy: ours
"""
_UNBOUND = """server:
  interface: 127.0.0.1
  port: {port}
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  verbosity: 1
  num-threads: 1
  do-ip6: no
  do-not-query-localhost: no
  module-config: "validator iterator"
  local-zone: "test." nodefault
remote-control:
  control-enable: yes
  control-interface: {folder}/unbound.sock
  control-use-cert: no
"""
_UNBOUND_ZONE = """stub-zone:
  name: "{zone}"
  stub-addr: 127.0.0.1@{port}
"""
# a key that nobody has: RFC 8080 §6.1
_FOREIGN_DS = "3613 15 2 3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b"


class Dns:
    """Both servers; made by ``dns_servers``."""

    def __init__(
        self, folder: Path, *, signed: Sequence[str], plain: Sequence[str], bogus: Sequence[str]
    ) -> None:
        self.folder = folder
        self.signed, self.plain, self.bogus = tuple(signed), tuple(plain), tuple(bogus)
        self.authority_port = free_port()
        self.port = free_port()
        self._knot: subprocess.Popen[bytes] | None = None
        self._unbound: subprocess.Popen[bytes] | None = None

    def settings(self) -> ResolverSettings:
        """Return what makes a ``Finder`` ask this resolver."""
        return ResolverSettings(
            nameserver="127.0.0.1", port=self.port, timeout_seconds=1.0, lifetime_seconds=3.0
        )

    def publish(self, zone: str, records: Sequence[str], *, negative: int = 60) -> None:
        """Let *zone* hold *records* (lines of a zone file) and nothing else but SOA and NS."""
        self._write_zone(zone, records, negative)
        self._run("knotc", "-s", f"{self.folder}/knot.sock", "-b", "zone-reload", zone)
        self._run("unbound-control", "-c", f"{self.folder}/unbound.conf", "flush_zone", zone)

    def stop_resolver(self) -> None:
        """Stop answering, as a broken network does."""
        _end(self._unbound)
        self._unbound = None

    def start_resolver(self) -> None:
        """Answer again, with an empty cache."""
        self._unbound = self._start(
            "unbound", "start of service", "-d", "-p", "-c", f"{self.folder}/unbound.conf"
        )

    def start(self) -> None:
        zones = (*self.signed, *self.bogus, *self.plain)
        knot = _KNOT.format(port=self.authority_port, folder=self.folder)
        for zone in zones:
            self._write_zone(zone, [], 60)
            knot += _KNOT_ZONE.format(zone=zone, folder=self.folder)
            knot += _KNOT_SIGNED if zone not in self.plain else ""
        (self.folder / "knot.conf").write_text(knot)
        self._knot = self._start("knotd", "control, binding", "-c", f"{self.folder}/knot.conf")
        unbound = _UNBOUND.format(port=self.port, folder=self.folder)
        for zone in zones:
            unbound += _UNBOUND_ZONE.format(zone=zone, port=self.authority_port)
        anchors = [self._ds(zone) for zone in self.signed]
        anchors += [f"{zone}. DS {_FOREIGN_DS}" for zone in self.bogus]
        unbound += "server:\n" + "".join(f'  trust-anchor: "{anchor}"\n' for anchor in anchors)
        (self.folder / "unbound.conf").write_text(unbound)
        self.start_resolver()

    def stop(self) -> None:
        self.stop_resolver()
        _end(self._knot)

    def _write_zone(self, zone: str, records: Sequence[str], negative: int) -> None:
        lines = [_ZONE_HEAD.format(zone=zone, negative=negative), *records, ""]
        (self.folder / f"{zone}.zone").write_text("\n".join(lines))

    def _ds(self, zone: str) -> str:
        listed = self._run("keymgr", "-c", f"{self.folder}/knot.conf", zone, "ds")
        return listed.splitlines()[0]

    def _start(self, name: str, ready: str, *arguments: str) -> subprocess.Popen[bytes]:
        log = self.folder / f"{name}-{time.monotonic_ns()}.log"
        with log.open("wb") as sink:
            process = subprocess.Popen(
                [_program(name), *arguments], stdin=subprocess.DEVNULL, stdout=sink, stderr=sink
            )
        deadline = time.monotonic() + _START_SECONDS
        while ready not in (text := log.read_text("utf-8", "replace")):
            if process.poll() is not None or time.monotonic() > deadline:
                _end(process)
                raise AssertionError(f"{name} did not start:\n{text}")
            time.sleep(_POLL_SECONDS)
        return process

    def _run(self, name: str, *arguments: str) -> str:
        done = subprocess.run(
            [_program(name), *arguments], check=False, capture_output=True, text=True, timeout=20
        )
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
        return done.stdout


@contextmanager
def dns_servers(
    *, signed: Sequence[str] = (), plain: Sequence[str] = (), bogus: Sequence[str] = ()
) -> Iterator[Dns]:
    """Serve the zones until the block ends."""
    # not pytest's folder: the paths of unix sockets are short
    with tempfile.TemporaryDirectory(prefix="mx-dns-") as folder:
        dns = Dns(Path(folder), signed=signed, plain=plain, bogus=bogus)
        try:
            dns.start()
            yield dns
        finally:
            dns.stop()


def txt_line(owner: str, text: str, ttl: int = 300) -> str:
    """Return the line of a zone file that gives *owner* the TXT record *text*."""
    strings = " ".join(f'"{text[at : at + 200]}"' for at in range(0, len(text), 200))
    return f"{owner} {ttl} TXT {strings}"


def free_port() -> int:
    """Return a port that is free on loopback, for TCP and for UDP."""
    while True:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram,
        ):
            stream.bind(("127.0.0.1", 0))
            port: int = stream.getsockname()[1]
            try:
                datagram.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def _program(name: str) -> str:
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    found = shutil.which(name, path=path)
    assert found is not None, f"{name} is missing (Debian packages knot and unbound)"
    return found


def _end(process: subprocess.Popen[bytes] | None) -> None:
    if process is None:
        return
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
