"""One raw connection: while the clock runs it only receives and looks for the tagged line."""

import contextlib
import socket
import time
from types import TracebackType
from typing import Self

from bench.side_by_side.corpus import Sample

_TAIL = 4_096
_CHUNK = 1 << 20


class Refused(Exception):
    """The server did not say OK."""


class Line:
    """A blocking client of one server."""

    def __init__(self, port: int, timeout: float = 180) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray(_CHUNK)
        self._view = memoryview(self._buffer)
        self._number = 0
        self.capabilities = b""
        self.read_line()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.sock.close()

    def read_line(self) -> bytes:
        octets = b""
        while not octets.endswith(b"\r\n"):
            more = self.sock.recv(65_536)
            if not more:
                raise Refused(f"closed after {octets[-200:]!r}")
            octets += more
        return octets

    def tag(self) -> bytes:
        self._number += 1
        return b"T%d" % self._number

    def wait(self, tag: bytes, *, keep: bool = True) -> bytes:
        """Receive until the line ``tag …`` ends the stream; return what came, if *keep*."""
        parts, tail, begins = [], b"", tag + b" "
        while True:
            count = self.sock.recv_into(self._buffer)
            if not count:
                raise Refused(f"closed after {tail[-200:]!r}")
            if keep:
                parts.append(bytes(self._view[:count]))
            tail = (tail + bytes(self._view[max(0, count - _TAIL) : count]))[-_TAIL:]
            if tail.endswith(b"\r\n"):
                last = tail[tail.rfind(b"\r\n", 0, -2) + 2 :] if b"\r\n" in tail[:-2] else tail
                if last.startswith(begins):
                    if not last.startswith(begins + b"OK"):
                        raise Refused(last.decode(errors="replace").strip())
                    return b"".join(parts)

    def ask(self, text: str, *, keep: bool = True) -> bytes:
        tag = self.tag()
        self.sock.sendall(tag + b" " + text.encode() + b"\r\n")
        return self.wait(tag, keep=keep)

    def milliseconds(self, text: str, *, keep: bool = False) -> float:
        """Return how long the answer took."""
        begun = time.perf_counter()
        self.ask(text, keep=keep)
        return (time.perf_counter() - begun) * 1e3

    def login(self, user: str, password: str) -> None:
        self.ask(f'LOGIN "{user}" "{password}"')
        self.capabilities = self.ask("CAPABILITY").upper()

    def make(self, mailbox: str) -> None:
        """Make *mailbox* anew."""
        with contextlib.suppress(Refused):
            self.ask(f'DELETE "{mailbox}"')
        self.ask(f'CREATE "{mailbox}"')


def literal(sample: Sample, *, plus: bool) -> bytes:
    """Return what stands before the octets in APPEND."""
    return b'"%b" {%d%b}\r\n' % (
        sample.internal_date.encode(),
        len(sample.octets),
        b"+" if plus else b"",
    )
