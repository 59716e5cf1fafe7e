"""The wire below a dialogue: replies out, lines and pieces in, and what is known of the other end.

Knows no command and no shell.  The dialogues' own ``Wire`` protocols each ask for a part of it.
Replies wait until nothing is left to do without waiting, and leave together (RFC 2920 §3.2);
whatever is written at once, or ends the connection, goes behind them.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Callable
from typing import Final, NoReturn, cast

import structlog

from smtp_in import replies
from smtp_in.replies import Reply

log = structlog.get_logger(__name__)

AllowClear = Callable[[tuple[str, int], tuple[str, int]], bool]

PIECE: Final = 64 * 1024
_HANDSHAKE_SECONDS: Final = 30.0
_PARTING_SECONDS: Final = 5.0  # for the last reply to be taken


class Wire:
    """That of one connection, from ``connected`` to ``lost``.  Owner: its event loop."""

    def __init__(
        self,
        tls: ssl.SSLContext | None,
        *,
        implicit: bool,
        allow_clear: AllowClear,
        idle_seconds: float,
        wait: Callable[[float], None],
    ) -> None:
        """*wait* starts the idle timer anew; *tls* and *implicit* as ``server.Listener`` has them."""
        self._tls = tls
        self._tls_active = implicit
        self._allow_clear = allow_clear
        self._idle_seconds = idle_seconds
        self._wait = wait
        self._loop = asyncio.get_running_loop()
        self._stream: asyncio.Transport | None = None
        self._reader: asyncio.StreamReader  # both from ``carry`` on
        self._writer: asyncio.StreamWriter
        self._unsent = bytearray()  # replies of this turn of the loop
        self._helo = ""
        self._extended = False
        self.gone = asyncio.Event()

    # ── its life, which the shell tells ──────────────────────────────────────────────
    def connected(self, stream: asyncio.Transport) -> None:
        """Begin: somebody is at the other end of *stream*."""
        self._stream = stream

    def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read and write by these from now on."""
        self._reader, self._writer = reader, writer

    def named(self, helo: str, *, extended: bool) -> None:
        """Note what HELO said, or EHLO if *extended*."""
        self._helo, self._extended = helo, extended

    def lost(self) -> None:
        """Write to nobody any more."""
        self._stream = None

    async def start_tls(self, protocol: asyncio.Protocol) -> asyncio.Transport:
        """Change to TLS by asyncio's public call; nothing of the clear phase survives.

        Return what *protocol* is carried by from now on; a handshake that fails ends the command.
        """
        clear = self._stream
        if clear is None or self._tls is None:
            raise asyncio.CancelledError  # the connection has ended
        # No await between here and the change of protocol inside start_tls: what was sent before
        # the handshake is dropped, and what comes after it is kept (RFC 3207 §4.2).
        self._buffered().clear()
        self._tls_active = True
        limit = _HANDSHAKE_SECONDS
        try:
            transport = await self._loop.start_tls(
                clear, protocol, self._tls, server_side=True, ssl_handshake_timeout=limit
            )
        except (OSError, ssl.SSLError):
            log.info("tls_handshake_failed", door="smtp")
            clear.abort()
            raise asyncio.CancelledError from None
        self._stream = cast("asyncio.Transport", transport)
        self._reader._transport = transport  # type: ignore[attr-defined]  # noqa: SLF001  # no public setter
        self._writer._transport = transport  # type: ignore[attr-defined]  # noqa: SLF001  # no public setter
        self._helo, self._extended = "", False
        return self._stream

    # ── out ──────────────────────────────────────────────────────────────────────────
    async def say(self, reply: Reply) -> None:
        """Send one reply, with those to commands that came with its own (RFC 2920 §3.2).

        They go when nothing is left to do without waiting, for input or for anything else.
        """
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent += encoded(reply.line())
        if len(self._unsent) > PIECE:
            self._send()
        await self._writer.drain()  # whoever takes no replies is waited for

    async def write(self, text: str) -> None:
        """Send *text* at once, behind the replies that wait."""
        self._unsent += encoded(text)
        self._send()
        await self._writer.drain()

    def _send(self) -> None:
        unsent, self._unsent = self._unsent, bytearray()
        if unsent and self._stream is not None and not self._stream.is_closing():
            self._stream.write(unsent)

    # ── in ───────────────────────────────────────────────────────────────────────────
    async def ask(self, challenge: bytes) -> bytes:
        """Send 334 and return the line that answers, without its end; hang up on a longer one."""
        await self.write("334 " + base64.b64encode(challenge).decode("ascii"))
        self._wait(self._idle_seconds)
        try:
            return (await self._reader.readuntil(b"\n")).rstrip(b"\r\n")
        except asyncio.LimitOverrunError:
            return await self.end(replies.AUTH_LINE_TOO_LONG)

    async def piece(self) -> bytes:
        """Return octets of DATA."""
        self._wait(self._idle_seconds)
        return await self._reader.read(PIECE) or await self.end(replies.IDLE_TOO_LONG)

    def unread(self, octets: bytes) -> None:
        """Put octets back before those that are still to be read."""
        self._buffered()[:0] = octets

    def has_unread(self) -> bool:
        """Tell whether octets have come that nobody has read."""
        return bool(self._buffered())

    def _buffered(self) -> bytearray:
        """Return the octets that were received and not yet read."""
        return self._reader._buffer  # type: ignore[attr-defined,no-any-return]  # noqa: SLF001  # asyncio has no unread

    # ── the end ──────────────────────────────────────────────────────────────────────
    def is_open(self) -> bool:
        """Tell whether what is said may still be heard."""
        return self._stream is not None and not self._stream.is_closing()

    def turn_away(self, reply: Reply) -> None:
        """Say *reply* to whoever has just connected, and close."""
        if self._stream is not None:
            self._stream.write(encoded(reply.line()))
            self._stream.close()

    def hang_up(self, reply: Reply) -> None:
        """Say *reply* and close; whoever does not even take that is cut off."""
        if self._stream is None or self._stream.is_closing():
            self.abort()
            return
        self._stream.write(self._unsent + encoded(reply.line()))
        self._unsent = bytearray()
        self._wait(_PARTING_SECONDS)
        self._stream.close()

    async def end(self, reply: Reply) -> NoReturn:
        """Hang up, and see to it that nothing more of the input is taken for a command."""
        self.hang_up(reply)
        await self.gone.wait()
        raise asyncio.CancelledError

    def abort(self) -> None:
        """Close without another word."""
        if self._stream is not None:
            self._stream.abort()

    # ── who is there, and how ────────────────────────────────────────────────────────
    def is_private(self) -> bool:
        """Tell whether a password may be said here."""
        if self._tls_active or self._stream is None:
            return self._tls_active
        peer = self._stream.get_extra_info("peername")
        own = self._stream.get_extra_info("sockname")
        return self._allow_clear(peer[:2], own[:2])

    def inside_tls(self) -> bool:
        """Tell whether TLS is spoken."""
        return self._tls_active

    def offers_tls(self) -> bool:
        """Tell whether STARTTLS may be said now."""
        return self._tls is not None and not self._tls_active

    def peer_ip(self) -> str:
        """Return the address that connected; "" when it is gone."""
        peer = None if self._stream is None else self._stream.get_extra_info("peername")
        return str(peer[0]) if peer else ""

    def helo(self) -> str:
        """Return what HELO or EHLO named."""
        return self._helo

    def greeted(self) -> bool:
        """Tell whether HELO or EHLO was said."""
        return bool(self._helo)

    def extended(self) -> bool:
        """Tell whether it was EHLO."""
        return self._extended


def encoded(line: str) -> bytes:
    """Return *line* as it goes out."""
    return line.encode("ascii", "replace") + b"\r\n"
