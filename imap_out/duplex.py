"""One transport of the event loop with bounded buffers both ways; knows no protocol.

It is pulled: the task asks for octets and for room.  So what is buffered can be thrown away at
the one moment that matters, when STARTTLS begins.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any, Final, cast

from typing_extensions import override

from imap_out.company import Company
from imap_out.deflate import Deflate
from imap_out.lingering import AT_ONCE_SECONDS, Lingering

_QUICKACK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)  # Linux
_READ_HIGH_OCTETS: Final = 256 * 1024  # reading pauses beyond
_WRITE_HIGH_OCTETS: Final = 256 * 1024  # a piece waits beyond
_GATHERED_OCTETS: Final = 2_048  # shorter pieces, on the average, are joined in less time


class Duplex(asyncio.Protocol):
    """Owned by the task of its connection; *start* begins that task."""

    def __init__(
        self, start: Callable[[Duplex], None], lingering: Lingering, company: Company
    ) -> None:
        self._start: Callable[[Duplex], None] | None = start
        # answers octets for which the task need not be woken, and tells whether it did
        self.at_once: Callable[[bytes], bool] = _never
        self._lingering = lingering
        self._company = company
        self._heard = 0.0  # monotonic seconds: since then the peer is waited for
        self._is_quick = False  # it spoke at once the last time
        self.transport: asyncio.Transport
        self._sock: Any = None  # of TCP; what the transport shows as its socket
        self._loop: asyncio.AbstractEventLoop  # kept: Python asks the system each time which runs
        self._buffer = bytearray()
        self._paused = False
        self._readable = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = math.inf  # loop time
        self.deadline = math.inf  # of ``readable_until``, may be put off; the alarm is never later
        self._awaited = self._late = False  # the task waits until a deadline; it has passed
        self._writable = asyncio.Event()
        self._writable.set()
        self.ended = False  # the peer sends nothing more
        self.woken = False  # the server stops
        self._lost: Exception | None = None
        self._deflate: Deflate | None = None
        self._gathers = False  # nothing is done to octets on their way to the kernel
        self.octets_in = 0
        self.octets_out = 0

    def addresses(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """Return the peer's and the own address."""
        peer = self.transport.get_extra_info("peername") or ("", 0)
        own = self.transport.get_extra_info("sockname") or ("", 0)
        return peer[:2], own[:2]

    # ── for the task ────────────────────────────────────────────────────────────────
    async def readable(self) -> None:
        """Return when there are octets, or the end, or the server stops."""
        await self._readable.wait()

    async def readable_until(self, deadline: float) -> None:
        """As ``readable``.

        One alarm serves all that a connection ever waits for: one for each command, set and
        taken back, costs as much as the command itself.

        Raises:
            TimeoutError: Nothing came until *deadline*, in the time of the loop, or it is past:
                a peer that always has something to say meets it too.
        """
        if self._loop.time() >= deadline:
            raise TimeoutError
        if self._readable.is_set():
            return
        self.deadline = deadline
        if deadline < self._alarm_at:
            self._set_alarm(deadline)
        self._awaited = True
        self._listen()
        try:
            await self._readable.wait()
        finally:
            self._awaited = False
            self._lingering.end()
        if self._late:
            self._late = False
            if not (self._buffer or self.ended or self.woken):
                self._readable.clear()
                raise TimeoutError

    def look_up(self) -> None:
        """Let ``readable_until`` return: something is to be done that ``at_once`` took and did not do."""
        self._readable.set()

    def _listen(self) -> None:
        """Begin to wait for the peer, wide awake for one that is quick."""
        self._heard = now = time.monotonic()
        if self._is_quick:
            self._lingering.begin(now)

    def _set_alarm(self, at: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = at
        self._alarm = self._loop.call_at(at, self._ring)

    def _ring(self) -> None:
        self._alarm, self._alarm_at = None, math.inf
        if not self._awaited:
            return  # a command is under way; the next wait sets another
        if self._loop.time() < self.deadline:
            self._set_alarm(self.deadline)
            return
        self._late = True
        self._readable.set()

    def waiting(self) -> bytes | None:
        """Return what was read and not taken yet; None once the peer is gone."""
        if self.ended:
            return None
        return b"" if self._deflate else bytes(self._buffer)  # compressed octets tell nothing

    @property
    def holds_octets(self) -> bool:
        """Tell whether `take` would give something that was read already."""
        return bool(self._buffer)

    @property
    def speaks_alone(self) -> bool:
        """Tell whether no other peer has spoken of late, and this one waits for an answer."""
        return not self._buffer and self._company.is_alone(self, time.monotonic())

    def take(self) -> bytes:
        """Return what was read, and read on; of what is compressed, one piece.

        Raises:
            ConnectionResetError: It should be compressed, and is not.
        """
        octets = bytes(self._buffer)
        self._buffer.clear()
        more = False
        if self._deflate is not None and (octets or self._deflate.waiting):
            octets = self._deflate.inflate(octets)
            more = self._deflate.waiting
        if not (self.ended or self.woken or more):
            self._readable.clear()
        if self._paused and not more and not self.transport.is_closing():
            self._paused = False
            self.transport.resume_reading()
        return octets

    def write(self, pieces: list[bytes]) -> bool:
        """Write *pieces*, one behind the other; return whether there is room for more, else wait for ``room``.

        Raises:
            ConnectionResetError: The peer is gone.
        """
        if self._lost is not None or self.transport.is_closing():
            raise ConnectionResetError
        octets = sum(map(len, pieces))
        if self._gathers and octets >= _GATHERED_OCTETS * len(pieces):
            self.octets_out += octets
            self.transport.writelines(pieces)  # the kernel puts them together: no copy of ours
            return self._writable.is_set()
        joined = b"".join(pieces)
        if self._deflate is not None:
            joined = self._deflate.deflate(joined)
        self.octets_out += len(joined)
        self.transport.write(joined)
        return self._writable.is_set()

    async def room(self) -> None:
        """Return when there is room; raises ConnectionResetError."""
        await self._writable.wait()
        if self._lost is not None:
            raise ConnectionResetError

    async def start_tls(self, context: ssl.SSLContext, seconds: float) -> None:
        """Go on over TLS."""
        loop = asyncio.get_running_loop()
        transport = await loop.start_tls(
            self.transport, self, context, server_side=True, ssl_handshake_timeout=seconds
        )
        if transport is None:
            raise ConnectionResetError
        self._set_transport(transport)

    def acknowledge(self) -> None:
        """Tell the peer at once that what it sent has come: it is to send the rest.

        A client that writes a literal and its CRLF apart (imaplib, mutt) waits for our ACK in
        between, and the kernel would hold that back for 40 ms: an APPEND took 45 ms, now 2.
        What an answer follows is acknowledged by the answer.
        """
        if _QUICKACK is not None and self._sock is not None:
            with contextlib.suppress(OSError):
                self._sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)

    def compress(self) -> None:
        """Go on compressed, both ways."""
        self._deflate = Deflate()
        self._gathers = False

    def wake(self) -> None:
        """Make the task look up: the server stops."""
        self.woken = True
        self._readable.set()

    # ── for the transport ───────────────────────────────────────────────────────────
    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._loop = asyncio.get_running_loop()
        # no other kind is ever made for a socket; uvloop's is none of asyncio's classes
        self._set_transport(cast("asyncio.Transport", transport))
        if self._start is not None:
            start, self._start = self._start, None
            start(self)

    def _set_transport(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        sock = transport.get_extra_info("socket")
        self._sock = None if sock is None or sock.family == socket.AF_UNIX else sock
        self._gathers = _gathers(transport) and self._deflate is None
        transport.set_write_buffer_limits(high=_WRITE_HIGH_OCTETS)

    @override
    def data_received(self, data: bytes) -> None:
        self.octets_in += len(data)
        now = time.monotonic()
        self._company.heard(self, now)
        self._is_quick = now - self._heard < AT_ONCE_SECONDS
        # what needs neither the task nor room
        free = self._awaited and self._writable.is_set() and not self._readable.is_set()
        if free and self._deflate is None and self.at_once(data):
            self._listen()
            return
        self._buffer += data
        self._readable.set()
        if len(self._buffer) > _READ_HIGH_OCTETS and not self._paused:
            self._paused = True
            self.transport.pause_reading()

    @override
    def eof_received(self) -> bool:
        self.ended = True
        self._readable.set()
        return False

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self._lost = exc or ConnectionResetError()
        if self._alarm is not None:
            self._alarm.cancel()
        self._readable.set()
        self._writable.set()

    @override
    def pause_writing(self) -> None:
        self._writable.clear()

    @override
    def resume_writing(self) -> None:
        self._writable.set()


def _never(_octets: bytes) -> bool:
    return False


def _gathers(transport: asyncio.Transport) -> bool:
    """Tell whether the kernel may be given pieces as they are, and tells of it when there is no room.

    Of asyncio's own transports those of Python 3.12 and 3.13 do not, until 3.12.9 and 3.13.2
    (CVE-2024-12254): they would keep in memory whatever a client does not read.  Those of 3.11 join.
    """
    module = type(transport).__module__
    return module.startswith("uvloop") and transport.get_extra_info("ssl_object") is None
