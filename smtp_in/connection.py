"""One connection to a front door: the shell around its dialogue, which reads commands one by one.

The only module that imports aiosmtpd: its command loop is the shell, and every command that
carries a decision is ours.  In which front it stands, submission or the door, ``Front`` tells.
What aiosmtpd would do and we do not want is said where it is overridden.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import ssl
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol, cast

import structlog
from aiosmtpd.smtp import SMTP
from msgspec import Struct, field
from typing_extensions import override

from mx_core.model.errors import MailError
from mx_core.trail_port import Step, Trail
from smtp_in import replies
from smtp_in.replies import Reply
from smtp_in.wire import PIECE, AllowClear, Wire

log = structlog.get_logger(__name__)

Command = Callable[[str | None], Awaitable[None]]

_COMMAND_OCTETS: Final = 2048  # RFC 5321 §4.5.3.1.4 wants 512 and room for parameters


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
    begin: Callable[[Wire], Talk]
    extensions: Callable[[Wire], list[str]]
    allow_clear: AllowClear
    refuses: Callable[[Wire], Reply | None] = lambda _: None  # before anything is said
    command_octets: Mapping[str, int] = field(default_factory=dict)  # longer than usual, by verb
    live: set[Connection] = field(default_factory=set)


class Connection(SMTP):
    """The shell of one connection, between its ``wire`` and its dialogue."""

    # The reader's limit: a command line may be as long as AUTH's, and DATA is read in pieces.
    line_length_limit = PIECE

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
        self.wire = Wire(
            tls,
            implicit=implicit,
            allow_clear=front.allow_clear,
            idle_seconds=front.idle_seconds,
            wait=self._reset_timeout,
        )
        self._dialogue = front.begin(self.wire)
        self._smtp_methods = {
            verb: self._tracked(method)
            for verb, method in (self._smtp_methods | self._dialogue.commands).items()
        }
        # aiosmtpd keeps these in the class, shared by all connections and growing with each EHLO
        self.command_size_limits = _Sizes(front.command_octets)
        self._greeting_sent = self._busy = self._leaving = False
        self._deadline: asyncio.TimerHandle | None = None

    # ── life ─────────────────────────────────────────────────────────────────────────
    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire.connected(cast("asyncio.Transport", transport))  # uvloop's has no base class
        refusal = self._front.refuses(self.wire)
        if refusal is not None:
            self.wire.turn_away(refusal)
            return
        self._front.live.add(self)
        self._dialogue.trail.reached(Step.REACHED)
        if self.wire.inside_tls():
            self._dialogue.trail.reached(Step.SECURED)
        self._deadline = self.loop.call_later(self._front.settle_seconds, self._too_late)
        super().connection_made(transport)
        self.wire.carry(self._reader, self._writer)

    @override
    def connection_lost(self, error: Exception | None) -> None:
        self.wire.lost()
        if self not in self._front.live:
            return  # it was refused before the shell began
        self._front.live.discard(self)
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(error)  # cancels the command under way
        self._dialogue.drop()
        self.wire.gone.set()

    @override
    def eof_received(self) -> bool:
        """Carry out what came before the end of input; aiosmtpd would drop it."""
        if self not in self._front.live:
            return False  # it was refused, and has no shell
        self._reader.feed_eof()
        return not self.wire.inside_tls()

    @override
    async def _handle_client(self) -> None:
        with contextlib.suppress(ConnectionError):
            await super()._handle_client()

    @override
    def _timeout_cb(self) -> None:
        self.wire.hang_up(replies.IDLE_TOO_LONG)

    def _too_late(self) -> None:
        if not self._dialogue.settled:
            self.wire.hang_up(self._front.too_late)

    @override
    def _set_rset_state(self) -> None:
        super()._set_rset_state()  # type: ignore[no-untyped-call]  # untyped in aiosmtpd
        self._dialogue.drop()

    def leave(self) -> None:
        """Close now, or after the command that is being carried out."""
        self._leaving = True
        if not self._busy:
            self.wire.hang_up(replies.SHUTTING_DOWN)

    def _tracked(self, method: Command) -> Command:
        async def carried_out(argument: str | None) -> None:
            if not self.wire.is_open():
                await self.wire.gone.wait()  # what stands behind a QUIT is no command
            self._busy = True
            try:
                await method(argument)
            finally:
                self._busy = False
            if self._leaving:
                await self.wire.end(replies.SHUTTING_DOWN)

        return carried_out

    # ── the shell's own replies ──────────────────────────────────────────────────────
    @override
    async def push(self, status: str | bytes) -> None:
        """Send a reply of the shell, with the enhanced code that most of its own lack.

        The shell pushes None when a command was cut off by the end of the connection.
        """
        if not self.wire.is_open():
            return
        line = status.decode("ascii", "replace") if isinstance(status, bytes) else status
        await self.wire.write(replies.with_enhanced(line) if self._greeting_sent else line)
        self._greeting_sent = True

    @override
    async def handle_exception(self, error: Exception) -> str:
        """Answer what no command expected; aiosmtpd would tell the peer the exception's text."""
        if isinstance(error, asyncio.IncompleteReadError):
            await self.wire.end(replies.IDLE_TOO_LONG)  # the input has ended
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
            await self.wire.say(replies.NO_HELLO)
            return
        self._set_rset_state()
        self.wire.named(hostname, extended=extended)
        session = self.session or self._create_session()  # what the shell itself asks
        session.host_name, session.extended_smtp = hostname, extended
        lines = [self._front.name, *(self._front.extensions(self.wire) if extended else ())]
        more = "".join(f"250-{line}\r\n" for line in lines[:-1])
        await self.wire.write(f"{more}250 {lines[-1]}")

    @override
    async def smtp_STARTTLS(self, arg: str | None) -> None:
        if arg:
            await self.wire.say(replies.NO_ARGUMENT)
        elif self.wire.inside_tls():
            await self.wire.say(replies.ALREADY_TLS)
        elif not self.wire.offers_tls():
            await self.wire.say(replies.NO_TLS)
        else:
            await self.wire.write(replies.START_TLS.line())
            await self._start_tls()

    async def _start_tls(self) -> None:
        self.transport = await self.wire.start_tls(self)
        self._dialogue.trail.reached(Step.SECURED)
        self._dialogue.forget()
        self._set_rset_state()
        self.session = self._create_session()

    # ── small commands ───────────────────────────────────────────────────────────────
    @override
    async def smtp_QUIT(self, arg: str | None) -> None:
        await self.wire.end(replies.GOODBYE)

    @override
    async def smtp_VRFY(self, arg: str | None) -> None:
        await self.wire.say(replies.VERIFY)

    @override
    async def smtp_HELP(self, arg: str | None) -> None:
        await self.wire.say(replies.HELP)
