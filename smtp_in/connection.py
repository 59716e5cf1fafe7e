"""One connection to a front door: the shell around its dialogue, and the wire below it.

The only module that imports aiosmtpd: its command loop is the shell, and every command that
carries a decision is ours.  In which front it stands, submission or the door, ``Front`` tells.
What aiosmtpd would do and we do not want is said where it is overridden.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import secrets
import ssl
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NoReturn, Protocol, cast

import structlog
from aiosmtpd.smtp import SMTP, Session
from msgspec import Struct, field
from typing_extensions import override

from mx_core.model.errors import MailError
from mx_core.trail_port import Step, Trail
from smtp_in import replies
from smtp_in.replies import Reply

log = structlog.get_logger(__name__)

Command = Callable[[str | None], Awaitable[None]]

_PIECE: Final = 64 * 1024
_COMMAND_OCTETS: Final = 2048  # RFC 5321 §4.5.3.1.4 wants 512 and room for parameters
_HANDSHAKE_SECONDS: Final = 30.0
_PARTING_SECONDS: Final = 5.0  # for the last reply to be taken


class _Sizes(dict[str, int]):
    """How long a command may be, by its name; of any name, and none is remembered."""

    def __missing__(self, name: str) -> int:
        return _COMMAND_OCTETS


class Talk(Protocol):
    """A dialogue, as its connection sees it."""

    @property
    def trail(self) -> Trail:
        """Return whom the steps of the connection are told to."""

    @property
    def commands(self) -> dict[str, Command]:
        """Return the commands that it carries out, by verb."""

    @property
    def settled(self) -> bool:
        """Tell whether the connection may outlive ``Front.settle_seconds``."""

    def drop(self) -> None:
        """Let go of the message under way."""

    def forget(self) -> None:
        """Begin anew after STARTTLS."""


class Front(Struct):
    """What the connections of one ``serve`` share, and how they differ from those of another."""

    name: str  # what it calls itself, in the greeting and after EHLO
    ident: str
    idle_seconds: float
    settle_seconds: float  # from the greeting on
    too_late: Reply  # what is said then
    begin: Callable[[Connection], Talk]
    extensions: Callable[[Connection], list[str]]
    allow_clear: Callable[[tuple[str, int], tuple[str, int]], bool]
    refuses: Callable[[Connection], Reply | None] = lambda _: None  # before anything is said
    command_octets: Mapping[str, int] = field(default_factory=dict)  # longer than usual, by verb
    live: set[Connection] = field(default_factory=set)


class Connection(SMTP):
    """The shell of one connection; the wire below its dialogue."""

    # The reader's limit: a command line may be as long as AUTH's, and DATA is read in pieces.
    line_length_limit = _PIECE

    def __init__(self, front: Front, tls: ssl.SSLContext | None, *, implicit: bool) -> None:
        """*tls* is offered as STARTTLS, or is what is spoken already if *implicit*."""
        super().__init__(
            object(),
            data_size_limit=None,
            enable_SMTPUTF8=True,  # arguments come as UTF-8, what is none as surrogates
            hostname=front.name,
            ident=front.ident,
            timeout=front.idle_seconds,
            loop=asyncio.get_running_loop(),
        )
        self._front = front
        self._tls = tls
        self._tls_active = implicit
        self._stream: asyncio.Transport | None = None
        self._dialogue = front.begin(self)
        self._smtp_methods = {
            verb: self._tracked(method)
            for verb, method in (self._smtp_methods | self._dialogue.commands).items()
        }
        # aiosmtpd keeps these in the class, shared by all connections and growing with each EHLO
        self.command_size_limits = _Sizes(front.command_octets)
        self._greeting_sent = self._busy = self._leaving = False
        self._unsent = bytearray()  # replies of this turn of the loop
        self._deadline: asyncio.TimerHandle | None = None
        self.gone = asyncio.Event()

    # ── life ─────────────────────────────────────────────────────────────────────────
    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._stream = cast("asyncio.Transport", transport)  # uvloop's has no base class
        refusal = self._front.refuses(self)
        if refusal is not None:
            self._stream.write(encoded(refusal.line()))
            self._stream.close()
            return
        self._front.live.add(self)
        self._dialogue.trail.reached(Step.REACHED)
        if self._tls_active:
            self._dialogue.trail.reached(Step.SECURED)
        self._deadline = self.loop.call_later(self._front.settle_seconds, self._too_late)
        super().connection_made(transport)

    @override
    def connection_lost(self, error: Exception | None) -> None:
        self._stream = None
        if self not in self._front.live:
            return  # it was refused before the shell began
        self._front.live.discard(self)
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(error)  # cancels the command under way
        self._dialogue.drop()
        self.gone.set()

    @override
    def eof_received(self) -> bool:
        """Carry out what came before the end of input; aiosmtpd would drop it."""
        if self not in self._front.live:
            return False  # it was refused, and has no shell
        self._reader.feed_eof()
        return not self._tls_active

    @override
    async def _handle_client(self) -> None:
        with contextlib.suppress(ConnectionError):
            await super()._handle_client()

    @override
    def _timeout_cb(self) -> None:
        self._hang_up(replies.IDLE_TOO_LONG)

    def _too_late(self) -> None:
        if not self._dialogue.settled:
            self._hang_up(self._front.too_late)

    @override
    def _set_rset_state(self) -> None:
        super()._set_rset_state()  # type: ignore[no-untyped-call]  # untyped in aiosmtpd
        self._dialogue.drop()

    def leave(self) -> None:
        """Close now, or after the command that is being carried out."""
        self._leaving = True
        if not self._busy:
            self._hang_up(replies.SHUTTING_DOWN)

    def abort(self) -> None:
        """Close without another word."""
        if self._stream is not None:
            self._stream.abort()

    def _hang_up(self, reply: Reply) -> None:
        """Say *reply* and close; whoever does not even take that is cut off."""
        if self._stream is None or self._stream.is_closing():
            self.abort()
            return
        self._stream.write(self._unsent + encoded(reply.line()))
        self._unsent = bytearray()
        self._reset_timeout(_PARTING_SECONDS)
        self._stream.close()

    def _tracked(self, method: Command) -> Command:
        async def carried_out(argument: str | None) -> None:
            if self._stream is None or self._stream.is_closing():
                await self.gone.wait()  # what stands behind a QUIT is no command
            self._busy = True
            try:
                await method(argument)
            finally:
                self._busy = False
            if self._leaving:
                await self.end(replies.SHUTTING_DOWN)

        return carried_out

    # ── the wire below the dialogue ──────────────────────────────────────────────────
    async def say(self, reply: Reply) -> None:
        """Send one reply, with those to commands that came with its own (RFC 2920 §3.2).

        They go when nothing is left to do without waiting, for input or for anything else.
        """
        if not self._unsent:
            self.loop.call_soon(self._send)
        self._unsent += encoded(reply.line())
        if len(self._unsent) > _PIECE:
            self._send()
        await self._writer.drain()  # whoever takes no replies is waited for

    async def ask(self, challenge: bytes) -> bytes:
        """Send 334 and return the line that answers, without its end; hang up on a longer one."""
        await self._write("334 " + base64.b64encode(challenge).decode("ascii"))
        self._reset_timeout()
        try:
            return (await self._reader.readuntil(b"\n")).rstrip(b"\r\n")
        except asyncio.LimitOverrunError:
            return await self.end(replies.AUTH_LINE_TOO_LONG)

    async def end(self, reply: Reply) -> NoReturn:
        """Hang up, and see to it that nothing more of the input is taken for a command."""
        self._hang_up(reply)
        await self.gone.wait()
        raise asyncio.CancelledError

    async def piece(self) -> bytes:
        """Return octets of DATA."""
        self._reset_timeout()
        return await self._reader.read(_PIECE) or await self.end(replies.IDLE_TOO_LONG)

    def unread(self, octets: bytes) -> None:
        """Put octets back before those that are still to be read."""
        self._buffered()[:0] = octets

    def has_unread(self) -> bool:
        """Tell whether octets have come that nobody has read."""
        return bool(self._buffered())

    def is_private(self) -> bool:
        """Tell whether a password may be said here; aiosmtpd forgets implicit TLS."""
        if self._tls_active or self._stream is None:
            return self._tls_active
        peer = self._stream.get_extra_info("peername")
        own = self._stream.get_extra_info("sockname")
        return self._front.allow_clear(peer[:2], own[:2])

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
        return str(self._known_session().host_name or "")

    def greeted(self) -> bool:
        """Tell whether HELO or EHLO was said."""
        return bool(self._known_session().host_name)

    def extended(self) -> bool:
        """Tell whether it was EHLO."""
        return bool(self._known_session().extended_smtp)

    # ── the shell's own replies ──────────────────────────────────────────────────────
    @override
    async def push(self, status: str | bytes) -> None:
        """Send a reply of the shell, with the enhanced code that most of its own lack.

        The shell pushes None when a command was cut off by the end of the connection.
        """
        if self._stream is None or self._stream.is_closing():
            return
        line = status.decode("ascii", "replace") if isinstance(status, bytes) else status
        await self._write(replies.with_enhanced(line) if self._greeting_sent else line)
        self._greeting_sent = True

    async def _write(self, text: str) -> None:
        self._unsent += encoded(text)
        self._send()
        await self._writer.drain()

    def _send(self) -> None:
        unsent, self._unsent = self._unsent, bytearray()
        if unsent and self._stream is not None and not self._stream.is_closing():
            self._stream.write(unsent)

    @override
    async def handle_exception(self, error: Exception) -> str:
        """Answer what no command expected; aiosmtpd would tell the peer the exception's text."""
        if isinstance(error, asyncio.IncompleteReadError):
            await self.end(replies.IDLE_TOO_LONG)  # the input has ended
        if isinstance(error, MailError):
            return replies.of_error(error).line()
        reference = secrets.token_hex(4)
        # neither its text nor its values: they may hold what a person wrote (law 6)
        frame = traceback.extract_tb(error.__traceback__)[-1]
        log.error(
            "smtp_command_failed",
            reference=reference,
            error=type(error).__name__,
            at=f"{frame.filename.rpartition('/')[2]}:{frame.lineno}",
        )
        return replies.of_bug(reference).line()

    # ── greeting and TLS ─────────────────────────────────────────────────────────────
    @override
    async def smtp_HELO(self, hostname: str | None) -> None:
        await self._hello(hostname, extended=False)

    @override
    async def smtp_EHLO(self, hostname: str | None) -> None:
        await self._hello(hostname, extended=True)

    async def _hello(self, hostname: str | None, *, extended: bool) -> None:
        if not hostname:
            await self.say(replies.NO_HELLO)
            return
        self._set_rset_state()
        session = self._known_session()
        session.host_name, session.extended_smtp = hostname, extended
        lines = [self._front.name, *(self._front.extensions(self) if extended else ())]
        more = "".join(f"250-{line}\r\n" for line in lines[:-1])
        await self._write(f"{more}250 {lines[-1]}")

    @override
    async def smtp_STARTTLS(self, arg: str | None) -> None:
        """Change to TLS by asyncio's public call; nothing of the clear phase survives."""
        if arg:
            await self.say(replies.NO_ARGUMENT)
        elif self._tls_active:
            await self.say(replies.ALREADY_TLS)
        elif self._tls is None or self._stream is None:
            await self.say(replies.NO_TLS)
        else:
            await self._write(replies.START_TLS.line())
            await self._start_tls(self._stream, self._tls)

    async def _start_tls(self, clear: asyncio.Transport, context: ssl.SSLContext) -> None:
        # No await between here and the change of protocol inside start_tls: what was sent before
        # the handshake is dropped, and what comes after it is kept (RFC 3207 §4.2).
        self._buffered().clear()
        self._tls_active = True
        limit = _HANDSHAKE_SECONDS
        try:
            transport = await self.loop.start_tls(
                clear, self, context, server_side=True, ssl_handshake_timeout=limit
            )
        except (OSError, ssl.SSLError):
            log.info("tls_handshake_failed", door="smtp")
            clear.abort()
            raise asyncio.CancelledError from None
        self._stream = self.transport = cast("asyncio.Transport", transport)
        self._dialogue.trail.reached(Step.SECURED)
        self._reader._transport = transport  # type: ignore[attr-defined]  # noqa: SLF001  # no public setter
        self._writer._transport = transport  # type: ignore[attr-defined]  # noqa: SLF001  # no public setter
        self._dialogue.forget()
        self._set_rset_state()
        self.session = self._create_session()

    # ── small commands ───────────────────────────────────────────────────────────────
    @override
    async def smtp_QUIT(self, arg: str | None) -> None:
        await self.end(replies.GOODBYE)

    @override
    async def smtp_VRFY(self, arg: str | None) -> None:
        await self.say(replies.VERIFY)

    @override
    async def smtp_HELP(self, arg: str | None) -> None:
        await self.say(replies.HELP)

    def _known_session(self) -> Session:
        return self.session or self._create_session()

    def _buffered(self) -> bytearray:
        """Return the octets that were received and not yet read."""
        return self._reader._buffer  # type: ignore[attr-defined,no-any-return]  # noqa: SLF001  # asyncio has no unread


def encoded(line: str) -> bytes:
    """Return *line* as it goes out."""
    return line.encode("ascii", "replace") + b"\r\n"
