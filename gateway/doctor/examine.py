"""``mx-gateway doctor``: findings from the directories outwards.

Each finding is one sentence, and for each that is bad a second one says what to do.  Nothing is
changed.  What can not be known because something before it is wrong is not asked.
"""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from gateway.config import Config, load
from gateway.directories import Directories
from gateway.loopback.listeners import chosen_ports
from gateway.unlocking.master_key import Method, method_of
from mx_core.control.client import ControlClient
from mx_core.model.errors import BadConfiguration, MailError, PeerUnreachable
from mx_core.program.finding import Finding

_CONNECT_SECONDS: Final = 2.0
_ROOM_OCTETS: Final = 256 * 1024 * 1024
_WEEK_SECONDS: Final = 7 * 86_400
_OTHERS: Final = 0o077


def examine(directories: Directories) -> Iterator[Finding]:
    """Yield findings about the gateway of *directories*."""
    try:
        config = load(directories.config_file)
        chosen_ports(config.listen)
    except BadConfiguration as error:
        yield Finding(str(error), f"mend or remove {directories.config_file}")
        return
    yield Finding(f"{directories.config_file} is good")
    if not directories.data.is_dir():
        yield Finding(f"{directories.data} is not there", "start the gateway once: mx-gateway up")
        return
    yield from _of_disk(directories.data)
    try:
        told = ControlClient(directories.control_socket, "mx-gateway").get("/status")
    except PeerUnreachable as error:
        yield Finding(str(error), "start it: mx-gateway up")
        return
    except MailError as error:
        yield Finding(f"mx-gateway answers with an error: {error}", "look at its log")
        return
    yield Finding("mx-gateway is running")
    yield from _of_ports(config)
    yield from judge(told, time.time())


def judge(told: Mapping[str, Any], now: float) -> Iterator[Finding]:
    """Yield findings about what a running gateway says of itself; *now* is unix seconds.  Pure."""
    if told["locked"]:
        yield Finding("the gateway is locked", "unlock it: mx-gateway unlock")
        return
    if not told["accounts"]:
        yield Finding("there is no account yet", "begin on the page: mx-gateway page")
    for account in told["accounts"]:
        yield from _of_account(account, now)


def _of_account(account: Mapping[str, Any], now: float) -> Iterator[Finding]:
    whose = account["address"]
    if account["connected"]:
        yield Finding(f"{whose}: the home server is connected")
    else:
        why = account["trouble"] or "it has not answered yet"
        yield Finding(
            f"{whose}: the home server is not connected: {why}",
            "wait a minute; if it stays so, ask whoever runs the home server, or run mx-home doctor",
        )
    if held := account["outbox"].get("held", 0):
        yield Finding(f"{whose}: {held} recipients are held", "look at them: mx-gateway queue list")
    if account["refused"]:
        yield Finding(
            f"{whose}: {account['refused']} arrivals did not prove what they claim",
            "nothing, unless somebody misses a message: then let it be sent again",
        )
    last = account["backup"]["last"]
    if last is None or now > last + _WEEK_SECONDS:
        age = "yet" if last is None else f"for {int(now - last) // 86_400} days"
        yield Finding(
            f"{whose}: no backup was made {age}",
            "make one each day: mx-gateway backup --daily FOLDER",
        )
    else:
        yield Finding(f"{whose}: the last backup is younger than a week")
    if faults := account["search_index"]["faults"]:
        yield Finding(
            f"{whose}: the search index had {faults} faults",
            f"make it anew: mx-gateway account reindex {whose}",
        )


def _of_disk(data: Path) -> Iterator[Finding]:
    mode = data.stat().st_mode
    if mode & _OTHERS:
        yield Finding(f"{data} is open to other users", f"chmod 700 {data}")
    else:
        yield Finding(f"{data} is closed to other users")
    free = shutil.disk_usage(data).free
    if free < _ROOM_OCTETS:
        yield Finding(
            f"{free // (1 << 20)} MiB are left on the disk",
            "make room: nothing is taken without it",
        )
    else:
        yield Finding("there is room on the disk")
    if method_of(data) is Method.FILE:
        yield Finding(
            "the key of your mail lies in a file on this disk",
            "if others may get at the disk: mx-gateway unlock --by passphrase",
        )
    else:
        yield Finding(f"the key of your mail is kept by: {method_of(data).value}")


def _of_ports(config: Config) -> Iterator[Finding]:
    ports = chosen_ports(config.listen)
    for name, port in (
        ("IMAP", ports.imap), ("SMTP", ports.smtp), ("IMAP with TLS", ports.imap_tls),
        ("SMTP with TLS", ports.smtp_tls), ("the page", ports.page),
    ):  # fmt: skip
        try:
            socket.create_connection(("127.0.0.1", port), _CONNECT_SECONDS).close()
        except OSError as error:
            yield Finding(
                f"nobody listens at port {port} ({name}): {error.strerror or 'no answer'}",
                "start mx-gateway with the same configuration, or without --port-base",
            )
        else:
            yield Finding(f"port {port} ({name}) answers")
