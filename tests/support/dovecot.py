"""Dovecot from Debian over TLS, with Maildir; every user has one password.  Needs root."""

import imaplib
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.legacy.client import Server
from tests.support.loopback_tls import client_context, loopback_pem

PASSWORD = "secret"
_CONFIGURATION = """\
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{folder}/leaf.pem
ssl_key = <{folder}/key.pem
auth_mechanisms = plain login
mail_location = maildir:{folder}/mail/%n
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={folder}/mail/%n
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    auto = create
    special_use = \\Sent
  }}
  mailbox Junk {{
    auto = create
    special_use = \\Junk
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


@contextmanager
def dovecot(folder: Path) -> Iterator[Server]:
    """Yield the account of alice there; *folder* must be open to its users, and may hold mail."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for name in ("run", "mail"):
        (folder / name).mkdir(exist_ok=True)
    shutil.chown(folder / "mail", "mail", "mail")
    for name, pem in zip(("ca", "leaf", "key"), loopback_pem(), strict=True):
        (folder / f"{name}.pem").write_bytes(pem)
    file = folder / "dovecot.conf"
    file.write_text(_CONFIGURATION.format(folder=folder, port=port, password=PASSWORD))
    walk = folder
    while walk != walk.parent:  # its users walk through
        if walk.stat().st_uid == os.getuid():
            walk.chmod(walk.stat().st_mode | 0o011)
        walk = walk.parent
    with subprocess.Popen(["/usr/sbin/dovecot", "-F", "-c", str(file)]) as process:
        try:
            _wait(port)
            yield Server("localhost", port, "alice", str(folder / "ca.pem"))
        finally:
            process.terminate()


def _wait(port: int) -> None:
    ends = time.monotonic() + 60
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port)):
                return
        except ConnectionRefusedError:
            assert time.monotonic() < ends
            time.sleep(0.05)


@contextmanager
def imap(server: Server) -> Iterator[imaplib.IMAP4]:
    """A client that others wrote, logged in."""
    context: ssl.SSLContext = client_context()
    with imaplib.IMAP4_SSL(server.host, server.port, ssl_context=context) as client:
        client.login(server.user, PASSWORD)
        yield client
