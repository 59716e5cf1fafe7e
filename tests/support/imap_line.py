"""A running IMAP server, and a line to it that says what it hears."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from imap_out.server import Limits, Listener, serve
from mx_core.trail_port import Observer, nobody
from tests.support.loopback_tls import server_context
from tests.support.memory_mail import MemoryAccounts, one_account


class Running:
    """A server on loopback and raw connections to it."""

    def __init__(self, port: int, stopping: asyncio.Event) -> None:
        self.port = port
        self.stopping = stopping

    @asynccontextmanager
    async def line(self) -> AsyncIterator["Raw"]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            async with asyncio.timeout(10):
                raw = Raw(reader, writer)
                await raw.until(b"* OK")
                yield raw
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


class Raw:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def say(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def until(self, start: bytes) -> bytes:
        """Return everything up to the line that begins with *start*."""
        heard: list[bytes] = []
        while True:
            line = await self.reader.readline()
            heard.append(line)
            if line.startswith(start):
                return b"".join(heard)
            assert line, f"wanted {start!r}, heard {heard!r}"


@asynccontextmanager
async def running(
    accounts: MemoryAccounts | None = None,
    limits: Limits | None = None,
    *,
    clear: bool = True,
    tls: bool = False,
    implicit: bool = False,
    far: bool = False,
    observer: Observer = nobody,
) -> AsyncIterator[Running]:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen(128)
    sock.setblocking(False)
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            serve(
                [Listener(sock, server_context() if tls or implicit else None, implicit)],
                accounts or one_account(),
                limits=limits or Limits(),
                allow_clear=lambda _peer, _own: clear,
                stopping=stopping,
                can_compress=(lambda _peer: True) if far else None,
                observer=observer,
            )
        )
        try:
            yield Running(sock.getsockname()[1], stopping)
        finally:
            stopping.set()
