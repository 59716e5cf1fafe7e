"""A mail program that only submits: how long each message takes from MAIL to its 250."""

import asyncio
import base64
import random
import time
from dataclasses import dataclass

from bench.rows import percentile


@dataclass(frozen=True)
class Cell:
    """What one round of a number of connections has measured."""

    per_second: float
    p50_ms: float
    p99_ms: float


def letter(octets: int, seed: int) -> bytes:
    """Return a message of about *octets*, dot-stuffed and ended; each has its own Message-ID."""
    noise = random.Random(seed)  # the same every time
    head = (
        "From: alice@a.example\r\nTo: bob@b.example\r\nSubject: submission bench\r\n"
        f"Date: Sat, 28 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{noise.getrandbits(96):x}@a.example>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n"
    )
    text = base64.b64encode(noise.randbytes(octets * 3 // 4)).decode()
    lines = [text[at : at + 76] for at in range(0, octets - len(head), 78)]
    return (head + "\r\n".join(lines) + "\r\n.\r\n").encode()


class Connection:
    """Greeted and, where a password is given, logged in."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int, user: str, password: str) -> "Connection":
        made = cls(*await asyncio.open_connection("127.0.0.1", port))
        await made.expect(b"220")
        await made.say(b"EHLO bench.example\r\n", b"250")
        if password:
            plain = base64.b64encode(f"\0{user}\0{password}".encode())
            await made.say(b"AUTH PLAIN " + plain + b"\r\n", b"235")
        return made

    async def expect(self, code: bytes) -> None:
        while True:
            line = await self._reader.readline()
            if line[3:4] == b"-":
                continue
            if not line.startswith(code):
                raise RuntimeError(f"{line!r} where {code!r} was expected")
            return

    async def say(self, octets: bytes, code: bytes) -> None:
        self._writer.write(octets)
        await self._writer.drain()
        await self.expect(code)

    async def submit(self, octets: bytes) -> None:
        await self.say(b"MAIL FROM:<alice@a.example>\r\n", b"250")
        await self.say(b"RCPT TO:<bob@b.example>\r\n", b"250")
        await self.say(b"DATA\r\n", b"354")
        await self.say(octets, b"250")

    async def close(self) -> None:
        self._writer.write(b"QUIT\r\n")
        self._writer.close()


async def round_of(
    port: int, user: str, password: str, *, connections: int, messages: int, octets: int
) -> Cell:
    """Log in *connections* times, then submit *messages* over all of them."""
    opened = [await Connection.open(port, user, password) for _ in range(connections)]
    letters = iter([letter(octets, seed) for seed in range(messages)])
    took: list[float] = []

    async def work(connection: Connection) -> None:
        for message in letters:
            begun = time.perf_counter()
            await connection.submit(message)
            took.append((time.perf_counter() - begun) * 1000)

    begun = time.perf_counter()
    await asyncio.gather(*map(work, opened))
    seconds = time.perf_counter() - begun
    for connection in opened:
        await connection.close()
    return Cell(len(took) / seconds, percentile(took, 0.50), percentile(took, 0.99))
