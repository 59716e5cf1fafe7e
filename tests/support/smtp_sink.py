"""A mail server for ordinary mail that keeps what it is given, and refuses as it is told to."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from tests.support.loopback_tls import server_context

USER, PASSWORD = "alice@isp.example", "relay-canary"


@dataclass
class SmtpSink:
    """*answers* by verb; what is not named is accepted."""

    port: int = 0
    implicit: bool = True
    extensions: tuple[str, ...] = ("8BITMIME", "SMTPUTF8", "SIZE 1000000", "AUTH PLAIN")
    answers: dict[str, str] = field(default_factory=dict)
    connections: int = 0
    said: list[str] = field(default_factory=list)  # every command, AUTH without what it says
    taken: list[tuple[str, str, bytes]] = field(default_factory=list)  # MAIL, RCPT, octets
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    tokens: set[tuple[str, str]] = field(default_factory=set)  # user and token that may log in
    clear_octets: int = 0  # that came before TLS, after the greeting

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            await self._talk(reader, writer)
        writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        private = self.implicit
        writer.write(b"220 sink\r\n")
        mail = rcpt = ""
        while line := await reader.readline():
            if not private:
                self.clear_octets += len(line)
            words = line.decode().rstrip("\r\n")
            verb = words.partition(" ")[0].upper()
            self.said.append("AUTH" if verb == "AUTH" else words)
            if verb in self.answers:
                writer.write(self.answers[verb].encode() + b"\r\n")
            elif verb == "EHLO":
                more = [*self.extensions, *([] if private else ["STARTTLS"])]
                lines = ["sink", *more]
                writer.write(
                    "".join(
                        f"250{' ' if at == len(lines) - 1 else '-'}{each}\r\n"
                        for at, each in enumerate(lines)
                    ).encode()
                )
            elif verb == "STARTTLS":
                writer.write(b"220 go\r\n")
                await writer.drain()
                await writer.start_tls(server_context())
                private = True
            elif verb == "AUTH":
                right = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
                bearers = {
                    base64.b64encode(f"user={who}\x01auth=Bearer {token}\x01\x01".encode()).decode()
                    for who, token in self.tokens
                }
                good = words.endswith(right) or words.rpartition(" ")[2] in bearers
                writer.write(b"235 2.7.0 yes\r\n" if good else b"535 5.7.8 wrong\r\n")
            elif verb == "DATA":
                writer.write(b"354 go\r\n")
                octets = (await reader.readuntil(b"\r\n.\r\n"))[:-3].replace(b"\r\n..", b"\r\n.")
                self.taken.append((mail, rcpt, octets))
                writer.write(self.answers.get("END", "250 2.0.0 taken").encode() + b"\r\n")
            elif verb == "QUIT":
                writer.write(b"221 bye\r\n")
                return
            else:
                mail = words if verb == "MAIL" else mail
                rcpt = words if verb == "RCPT" else rcpt
                writer.write(b"250 2.0.0 ok\r\n")
            await writer.drain()


@contextlib.asynccontextmanager
async def smtp_sink(*, implicit: bool = True) -> AsyncIterator[SmtpSink]:
    """Serve one sink on loopback until the block ends."""
    sink = SmtpSink(implicit=implicit)
    server = await asyncio.start_server(
        sink.serve, "127.0.0.1", 0, ssl=server_context() if implicit else None
    )
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()
        for writer in sink.writers:
            writer.transport.abort()
        await asyncio.sleep(0)
