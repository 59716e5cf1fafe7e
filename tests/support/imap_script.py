"""An IMAP server that does what a test tells it, over TLS on loopback, and keeps to nothing else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway.legacy.client import Server
from tests.support.loopback_tls import loopback_pem, server_context

Reply = bytes | Callable[["Talk"], Awaitable[None]]


@dataclass
class Talk:
    """One connection; *script* maps the beginning of a command to what is sent, %t is the tag."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    script: dict[str, Reply]
    heard: list[str] = field(default_factory=list)
    tag: bytes = b""

    async def send(self, octets: bytes) -> None:
        if self.writer.is_closing():  # TLS would take octets for ever, and say nothing
            raise ConnectionResetError
        self.writer.write(octets.replace(b"%t", self.tag))
        await self.writer.drain()
        await asyncio.sleep(0)  # over TLS drain need not wait, and others have their turn

    async def serve(self) -> None:
        await self.send(await self._text(self.script.get("", b"* OK hello\r\n")))
        while line := await self.reader.readline():
            tag, _, command = line.strip().partition(b" ")
            self.heard.append(command.decode("latin-1"))
            self.tag = tag
            for start, reply in self.script.items():
                if start and command.decode("latin-1").startswith(start):
                    if callable(reply):
                        await reply(self)
                    else:
                        await self.send(reply)
                    break
            else:
                await self.send(USUAL.get(command.split(b" ")[0], b"%t OK done\r\n"))

    async def _text(self, reply: Reply) -> bytes:
        if callable(reply):
            await reply(self)
            return b""
        return reply


USUAL = {b"CAPABILITY": b"* CAPABILITY IMAP4rev1 IDLE\r\n%t OK\r\n"}


@asynccontextmanager
async def scripted(
    folder: Path, script: dict[str, Reply], *, tls: bool = True
) -> AsyncIterator[tuple[Server, list[Talk]]]:
    """Yield whom to connect to, and the talks that were had."""
    talks: list[Talk] = []
    serving: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = Talk(reader, writer, script)
        talks.append(talk)
        serving.append(asyncio.current_task())
        try:
            await talk.serve()
        except (OSError, asyncio.CancelledError):
            pass  # the other side is done with us
        finally:
            writer.close()

    ca = folder / "ca.pem"
    ca.write_bytes(loopback_pem()[0])
    server = await asyncio.start_server(
        serve, "127.0.0.1", 0, ssl=server_context() if tls else None
    )
    port = server.sockets[0].getsockname()[1]
    try:
        yield Server("localhost", port, "alice", str(ca)), talks
    finally:
        server.close()
        for talk, task in zip(talks, serving, strict=True):
            talk.writer.transport.abort()
            if task is not None:
                task.cancel()
