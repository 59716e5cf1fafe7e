"""A server that others wrote, for proving the drivers: Dovecot holds the mail of alice and bob.

Submission is our own door with an outbox that puts each message into Dovecot.  Prints
the line that ``mx-gateway demo --json`` prints and stays until SIGTERM; needs root, for Dovecot's
users.  ``MX_INTEROP_SERVER="python -m tests.interop.dovecot_peer" pytest -m interop tests/interop``
"""

import asyncio
import contextlib
import dataclasses
import imaplib
import json
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mx_core.mail_programs.mail_settings import MailSettings
from mx_core.model.address import Address
from mx_core.model.errors import BadCredentials
from mx_core.model.ids import QueueId
from mx_core.model.message import Submission
from mx_core.model.secret import Secret
from mx_core.ports import Account, MailStore
from smtp_in.limits import Limits
from smtp_in.server import Listener
from smtp_in.submitting import serve
from tests.support.loopback_tls import loopback_pem, server_context
from tests.support.submission import MemoryLong, shortened

_PASSWORD = "secret"
_MAILBOXES = ("Drafts", "Sent", "Trash", "Junk", "Archive")
_CONFIGURATION = """\
base_dir = {directory}/run
state_dir = {directory}/run
log_path = {directory}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{directory}/leaf.pem
ssl_key = <{directory}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = maildir:{directory}/mail/%n
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={directory}/mail/%n
}}
namespace inbox {{
  inbox = yes
  separator = /
{mailboxes}}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imap_tls}
    ssl = yes
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
protocol imap {{
  mail_max_userip_connections = 50
}}
"""


@dataclasses.dataclass(frozen=True)
class _Person:
    """An account whose outbox is the recipients' INBOX in Dovecot."""

    address: Address
    imap_port: int

    @property
    def outbox(self) -> "_Person":
        return self

    @property
    def mail(self) -> MailStore:
        raise AssertionError("submission never opens the mail store")

    def may_send_as(self, sender: Address) -> bool:
        return sender.canonical() == self.address

    async def judge(self, sender: Address, recipient: Address) -> None:
        """Everybody can be reached."""

    def begin_long(self) -> MemoryLong:
        return MemoryLong()

    async def enqueue(self, submission: Submission) -> QueueId:
        await asyncio.to_thread(self._put, shortened(submission))
        return QueueId("0" * 16)

    def _put(self, submission: Submission) -> None:
        for recipient in submission.recipients:
            with imaplib.IMAP4("127.0.0.1", self.imap_port) as client:
                client.login(str(recipient), _PASSWORD)
                client.append("INBOX", "", "", submission.octets)


@dataclasses.dataclass(frozen=True)
class _People:
    imap_port: int

    async def authenticate(self, username: str, password: Secret[str]) -> Account:
        if password.reveal() != _PASSWORD:
            raise BadCredentials("no such client password")
        return _Person(Address.parse(username), self.imap_port)  # type: ignore[return-value]


@contextlib.contextmanager
def _dovecot(directory: Path, imap: int, imap_tls: int) -> Iterator[None]:
    for name in ("run", "mail"):
        (directory / name).mkdir()
    shutil.chown(directory / "mail", "mail", "mail")
    configuration = directory / "dovecot.conf"
    mailboxes = "".join(
        f"  mailbox {name} {{\n    auto = subscribe\n    special_use = \\{name}\n  }}\n"
        for name in _MAILBOXES
    )
    configuration.write_text(
        _CONFIGURATION.format(
            directory=directory,
            password=_PASSWORD,
            mailboxes=mailboxes,
            imap=imap,
            imap_tls=imap_tls,
        ),
        encoding="utf-8",
    )
    with subprocess.Popen(["/usr/sbin/dovecot", "-F", "-c", str(configuration)]) as server:
        try:
            yield
        finally:
            server.terminate()


def _listening() -> socket.socket:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    return listener


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


async def _ready(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return


async def _serve(directory: Path) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    for name, pem in zip(("ca", "leaf", "key"), loopback_pem(), strict=True):
        (directory / f"{name}.pem").write_bytes(pem)
    imap, imap_tls = _free_port(), _free_port()
    clear, implicit, tls = _listening(), _listening(), server_context()
    with _dovecot(directory, imap, imap_tls):
        await _ready(imap_tls)
        told = {
            person: dataclasses.asdict(
                MailSettings(
                    address=f"{person}@{domain}",
                    username=f"{person}@{domain}",
                    password=_PASSWORD,
                    host="localhost",
                    imap=imap,
                    smtp=clear.getsockname()[1],
                    imap_tls=imap_tls,
                    smtp_tls=implicit.getsockname()[1],
                    ca=str(directory / "ca.pem"),
                )
            )
            for person, domain in (("alice", "a.example"), ("bob", "b.example"))
        }
        print(json.dumps(told), flush=True)
        await serve(
            [Listener(clear, tls, False), Listener(implicit, tls, True)],
            _People(imap),
            limits=Limits(),
            allow_clear=lambda _peer, _own: True,
            stopping=stopping,
        )


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="mx-dovecot-") as directory:
        Path(directory).chmod(0o755)  # its users walk through
        asyncio.run(_serve(Path(directory)))


if __name__ == "__main__":
    main()
