"""The process that is killed, forked from one that has loaded everything: a start is most of a run.

Door, policy, store, sealing and the flow out are the gateway's; the home server is a file in which
each parcel is durable before it is taken.  Tells its port and the password, and serves until it dies.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import socket
import struct
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from bench.submitting.own_door import PersonAtTheDoor
from gateway.loopback.peer_uid import is_own_loopback
from mx_core.carrier_port import Parcel
from mx_core.model.octets import whole
from mx_core.store.account_store import AccountStore
from smtp_in.limits import Limits
from smtp_in.server import Listener
from smtp_in.submitting import serve
from tests.support.stores import open_store

_HEAD = struct.Struct(">II")


class FileHome:
    """A home server: every parcel it was given, in one file."""

    def __init__(self, file: Path, network: Any) -> None:
        self._file = file
        self._network = network
        self.relayed: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    async def send(self, parcel: Parcel, _stamp: Any = None) -> None:
        """Take *parcel*, and say soon that it is with the recipient's server."""
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            head = _HEAD.pack(len(parcel.envelope), len(parcel.body))
            os.write(descriptor, head + parcel.envelope + whole(parcel.body))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        asyncio.get_running_loop().call_later(0.01, self._tell, parcel)

    def _tell(self, parcel: Parcel) -> None:
        self._telling = asyncio.ensure_future(self.relayed(parcel.env_id))


def parcels(file: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield envelope and body of what was taken; what a kill cut off was never taken."""
    octets = file.read_bytes() if file.exists() else b""
    at = 0
    while at + _HEAD.size <= len(octets):
        envelope, body = _HEAD.unpack_from(octets, at)
        at += _HEAD.size
        if at + envelope + body > len(octets):
            return
        yield octets[at : at + envelope], octets[at + envelope : at + envelope + body]
        at += envelope + body


def composed(folder: Path) -> tuple[AccountStore, PersonAtTheDoor]:
    """Return alice's account in *folder*, as the process and whoever looks after it have it."""
    since = int((folder / "since").read_text(encoding="ascii"))
    store = open_store(folder / "account", time.time)
    person = PersonAtTheDoor(store, lambda network: FileHome(folder / "home", network), since)
    person.carrier.relayed = person.outbound.settle_relayed
    return store, person


def begun(folder: Path) -> tuple[ForkServerProcess, int, str]:
    """Return a new process over *folder*, its port, and the password of alice's mail program."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.crash.syscall_ready"])
    reading, writing = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(folder, writing), daemon=True)
    process.start()
    writing.close()
    with reading:
        port, password = reading.recv()
    return process, port, password


def _run(folder: Path, telling: Connection) -> None:
    asyncio.run(_serve(folder, telling))


async def _serve(folder: Path, telling: Connection) -> None:
    store, person = composed(folder)
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    password = await store.passwords.add("crash")
    telling.send((sock.getsockname()[1], password.reveal()))
    telling.close()
    moving = asyncio.create_task(person.outbound.run())
    await serve(
        [Listener(sock, None, False)],
        person,
        limits=Limits(),
        allow_clear=is_own_loopback,
        stopping=asyncio.Event(),
    )
    moving.cancel()
