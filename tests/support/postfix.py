"""Debian's Postfix with a queue of its own, that hands everything to one port on loopback."""

from __future__ import annotations

import re
import shutil
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_POSTFIX = "/usr/sbin/postfix"
_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.c.test
mydestination =
mynetworks = 127.0.0.0/8
local_header_rewrite_clients =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
relayhost = [127.0.0.1]:{to}
disable_dns_lookups = yes
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_forbid_bare_newline = no
smtpd_forbid_unauth_pipelining = no
smtpd_recipient_limit = 2000
smtp_tls_security_level = may
smtp_line_length_limit = 0
smtputf8_enable = yes
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
destination_concurrency_failed_cohort_limit = 0
default_destination_concurrency_limit = 8
message_size_limit = 100000000
line_length_limit = 100000
header_size_limit = 1000000
notify_classes =
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
smtp unix - - n - - smtp
discard unix - - n - - discard
error unix - - n - - error
retry unix - - n - - error
proxymap unix - - n - - proxymap
"""
_FATE = re.compile(r"postfix/smtp\[\d+\]: \w+: to=<([^>]*)>.* status=(\w+) ")


class Postfix:
    """A running one; made by ``postfix_to``."""

    def __init__(self, folder: Path, to: int) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._config, self._log = folder / "config", folder / "log" / "postfix.log"
        for each in ("config", "queue", "data", "log"):
            (folder / each).mkdir()
        shutil.chown(folder / "data", "postfix")
        folder.chmod(0o755)
        (self._config / "main.cf").write_text(_MAIN.format(folder=folder, to=to), encoding="utf-8")
        (self._config / "master.cf").write_text(_MASTER.format(port=self.port), encoding="utf-8")
        self.say("start")
        until = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert time.monotonic() < until, "Postfix did not start"
                time.sleep(0.05)
            else:
                return

    def say(self, word: str) -> None:
        subprocess.run([_POSTFIX, "-c", str(self._config), word], check=True, capture_output=True)

    def take(self, mails: Sequence[tuple[str, str, bytes]]) -> int:
        """Queue (sender, recipient, octets); return how many it took."""
        taken = 0
        with smtplib.SMTP("127.0.0.1", self.port, timeout=60) as client:
            client.ehlo()
            for sender, recipient, octets in mails:
                try:
                    client.sendmail(sender, [recipient], octets, ["BODY=8BITMIME"])
                except smtplib.SMTPResponseException:
                    client.rset()
                else:
                    taken += 1
        return taken

    def fates(self, *recipients: str) -> dict[str, int]:
        """Return how often each fate of an attempt for *recipients* stands in its log."""
        found: dict[str, int] = {}
        log = self._log.read_text(encoding="utf-8", errors="replace")
        for recipient, word in _FATE.findall(log):
            if recipient in recipients:
                found[word] = found.get(word, 0) + 1
        return found

    def said(self) -> str:
        """Return the end of its log."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-6_000:]


def may_run() -> bool:
    """Tell whether Postfix is here and may be started: its master is root's."""
    return Path(_POSTFIX).exists() and Path("/proc/self").stat().st_uid == 0


@contextmanager
def postfix_to(port: int) -> Iterator[Postfix]:
    """Run one that hands everything to *port* until the block ends."""
    with tempfile.TemporaryDirectory(prefix="mx-postfix-") as folder:
        postfix = Postfix(Path(folder), port)
        try:
            yield postfix
        finally:
            postfix.say("abort")
