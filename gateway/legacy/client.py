"""A connection to an ordinary IMAP server: TLS from the first octet, every wait and answer bounded.

One command at a time.  Whatever the server does wrong ends the connection with one sentence
that names it; nothing of it is believed further.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from gateway.legacy.answers import Answer, AnswerReader, BadAnswer, Data, GoOn, Status
from mx_core.model.errors import BadCredentials, PeerUnreachable, Refused
from mx_core.model.secret import Secret

_CONNECT_SECONDS: Final = 30.0
_SILENCE_SECONDS: Final = 60.0  # without an octet
_COMMAND_SECONDS: Final = 120.0
_OCTETS_A_SECOND: Final = 10_000  # a server that is slower is given up
_READ_OCTETS: Final = 64 * 1024
_ANSWERS_MAX: Final = 10_000
_LITERAL_OCTETS: Final = 64 * 1024
_TEXT_SHOWN: Final = 200
_NO_TLS: Final = (
    "{} does not speak TLS from the first octet; a port that begins in clear (STARTTLS) is not"
    " used, because whoever stands between can take the offer away: name the port for IMAP over"
    " TLS, which is mostly 993"
)
_LOGIN_DISABLED: Final = (
    "{} does not let anybody log in with a password; it may want an app password or OAuth"
)


@dataclass(frozen=True, slots=True)
class Server:
    """Whom to ask."""

    host: str
    port: int
    user: str
    ca_file: str = ""  # trusted instead of the system's roots

    @property
    def name(self) -> str:
        """Return what sentences call it."""
        return f"{self.host}:{self.port}"

    @property
    def location(self) -> str:
        """Return the URL that names the account there.  RFC 5092 §3."""
        return f"imaps://{self.user}@{self.host}:{self.port}"


class SaidNo(Refused):
    """The server refused a command; *code* is what stood in brackets."""

    def __init__(self, sentence: str, code: bytes) -> None:
        super().__init__(sentence)
        self.code = code


class ImapClient:
    """See the module; made by :meth:`open`."""

    def __init__(
        self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.server = server
        self.capabilities: frozenset[str] = frozenset()
        self._stream = reader
        self._writer = writer
        self._answers = AnswerReader()
        self._tag = 0
        self._left = 0  # octets that the command may still be answered with
        self._silence_seconds: float | None = _SILENCE_SECONDS

    @classmethod
    async def open(cls, server: Server, secret: Secret[str]) -> ImapClient:
        """Connect and log in.

        Raises:
            PeerUnreachable: It can not be reached now, or is no IMAP server.
            Refused: It does not speak TLS, is not who it should be, or does not let us in.
        """
        client = await _connected(server)
        try:
            await client.greet(secret)
        except BaseException:
            await client.close()
            raise
        return client

    async def ask(
        self,
        command: str,
        take: Callable[[Data], None] = lambda _data: None,
        *,
        told: Callable[[Status], None] = lambda _status: None,
        octets: int = _LITERAL_OCTETS,
        answers: int = _ANSWERS_MAX,
    ) -> Status:
        """Send *command*, give untagged data to *take*, conditions to *told*; return the status.

        *octets* bounds the literals of one answer, and with *answers* the whole.

        Raises:
            SaidNo: NO or BAD.
            PeerUnreachable: The connection is of no more use.
        """
        tag = self._next_tag()
        self._expect(octets, answers)
        async with self._limit(_COMMAND_SECONDS + octets / _OCTETS_A_SECOND):
            await self._send(tag + b" " + command.encode() + b"\r\n")
            return await self._until(tag, command.partition(" ")[0], take, answers, told)

    async def idle(self, seconds: float) -> list[Data]:
        """Wait until the server tells something, or for *seconds*; return what it told.  RFC 2177."""
        tag, told = self._next_tag(), list[Data]()
        self._expect(_LITERAL_OCTETS, _ANSWERS_MAX)
        async with self._limit(_COMMAND_SECONDS):
            await self._send(tag + b" IDLE\r\n")
            while not isinstance(answer := await self._next(), GoOn):
                if isinstance(answer, Status) and answer.tag == tag:
                    raise SaidNo(self._refusal("IDLE", answer), answer.code)
                self._must_stay(answer)
                told += [answer] if isinstance(answer, Data) else []
        if not told:
            self._silence_seconds = None  # silence is what one waits through
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    answer = await self._next()
                    self._must_stay(answer)
                    told += [answer] if isinstance(answer, Data) else []
            self._silence_seconds = _SILENCE_SECONDS
        async with self._limit(_COMMAND_SECONDS):
            await self._send(b"DONE\r\n")
            await self._until(tag, "IDLE", told.append, _ANSWERS_MAX)
        return told

    async def close(self) -> None:
        """End the connection at once; never raises for what the other side does.

        A farewell in TLS would read on for half a minute while the server sends what it likes.
        """
        self._writer.transport.abort()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await self._writer.wait_closed()

    # ── logging in ──────────────────────────────────────────────────────────────────
    async def greet(self, secret: Secret[str]) -> None:
        """Hear the greeting and log in; once, by ``open``."""
        self._expect(0, 1)
        async with self._limit(_CONNECT_SECONDS):
            greeting = await self._next()
        if not isinstance(greeting, Status) or greeting.word not in {"OK", "PREAUTH"}:
            raise PeerUnreachable(f"{self.server.name} does not greet as an IMAP server does")
        await self._ask_capabilities()
        if greeting.word == "PREAUTH":
            return
        if "LOGINDISABLED" in self.capabilities and "AUTH=PLAIN" not in self.capabilities:
            raise Refused(_LOGIN_DISABLED.format(self.server.name))
        try:
            await self._log_in(secret)
        except SaidNo as error:
            raise BadCredentials(
                f"{self.server.name} does not let {self.server.user} in: {error}"
            ) from error
        await self._ask_capabilities()

    async def _ask_capabilities(self) -> None:
        found: set[str] = set()

        def take(data: Data) -> None:
            if data.name == "CAPABILITY":
                found.update(
                    value.decode("ascii", "replace").upper()
                    for value in data.values
                    if isinstance(value, bytes)
                )

        await self.ask("CAPABILITY", take)
        self.capabilities = frozenset(found)

    async def _log_in(self, secret: Secret[str]) -> None:
        if "AUTH=PLAIN" not in self.capabilities:
            words = (quoted(self.server.user), quoted(secret.reveal()))
            await self.ask(f"LOGIN {words[0]} {words[1]}")
            return
        # RFC 4616 §2; sent when the server asks, which every server knows       RFC 3501 §6.2.2
        plain = f"\0{self.server.user}\0{secret.reveal()}".encode()
        tag = self._next_tag()
        self._expect(_LITERAL_OCTETS, _ANSWERS_MAX)
        async with self._limit(_COMMAND_SECONDS):
            await self._send(tag + b" AUTHENTICATE PLAIN\r\n")
            while not isinstance(answer := await self._next(), GoOn):
                if isinstance(answer, Status) and answer.tag == tag:
                    raise SaidNo(self._refusal("AUTHENTICATE", answer), answer.code)
            await self._send(base64.b64encode(plain) + b"\r\n")
            await self._until(tag, "AUTHENTICATE", lambda _data: None, _ANSWERS_MAX)

    # ── one command ─────────────────────────────────────────────────────────────────
    def _next_tag(self) -> bytes:
        self._tag += 1
        return b"m%d" % self._tag

    def _expect(self, octets: int, answers: int) -> None:
        self._answers.literal_octets_max = octets
        # each answer has at least a short line beside its literal
        self._left = octets * 2 + answers * 300 + _READ_OCTETS

    async def _until(
        self,
        tag: bytes,
        name: str,
        take: Callable[[Data], None],
        answers: int,
        told: Callable[[Status], None] = lambda _status: None,
    ) -> Status:
        while True:
            answer = await self._next()
            answers -= 1
            if answers < 0:
                raise self._broken("sends more answers than there can be")
            if isinstance(answer, Data):
                take(answer)
            elif isinstance(answer, Status) and answer.tag == tag:
                if answer.word != "OK":
                    raise SaidNo(self._refusal(name, answer), answer.code)
                return answer
            elif isinstance(answer, Status):
                self._must_stay(answer)
                told(answer)

    def _must_stay(self, answer: Answer) -> None:
        if isinstance(answer, Status) and answer.word == "BYE":
            raise PeerUnreachable(f"{self.server.name} ended the connection: {_shown(answer.text)}")

    async def _next(self) -> Answer:
        """Return the next answer; raises PeerUnreachable, TimeoutError."""
        try:
            while (answer := self._answers.next()) is None:
                async with asyncio.timeout(self._silence_seconds):
                    octets = await self._stream.read(_READ_OCTETS)
                if not octets:
                    raise PeerUnreachable(f"{self.server.name} closed the connection")
                self._left -= len(octets)
                if self._left < 0:
                    raise self._broken("sends more than was asked for")
                self._answers.feed(octets)
        except BadAnswer as error:
            raise self._broken(str(error)) from error
        except OSError as error:
            raise PeerUnreachable(f"the connection to {self.server.name} broke") from error
        return answer

    async def _send(self, octets: bytes) -> None:
        try:
            self._writer.write(octets)
            await self._writer.drain()
        except OSError as error:
            raise PeerUnreachable(f"the connection to {self.server.name} broke") from error

    @contextlib.asynccontextmanager
    async def _limit(self, seconds: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError as error:
            raise PeerUnreachable(f"{self.server.name} does not answer in time") from error

    def _broken(self, what: str) -> PeerUnreachable:
        return BadAnswer(f"{self.server.name} {what}")

    def _refusal(self, name: str, status: Status) -> str:
        return f"{self.server.name} refuses {name}: {_shown(status.text) or status.word}"


async def _connected(server: Server) -> ImapClient:
    context = ssl.create_default_context(cafile=server.ca_file or None)
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(
                server.host, server.port, ssl=context, limit=_READ_OCTETS
            )
    except ssl.SSLCertVerificationError as error:
        raise Refused(
            f"{server.name} does not prove that it is {server.host}: {error.verify_message}"
        ) from error
    except (ssl.SSLError, ConnectionResetError) as error:
        raise Refused(_NO_TLS.format(server.name)) from error
    except TimeoutError as error:
        raise PeerUnreachable(f"{server.name} does not answer in time") from error
    except OSError as error:
        raise PeerUnreachable(f"{server.name} can not be reached") from error
    return ImapClient(server, reader, writer)


def quoted(text: str) -> str:
    """Return a quoted string; raises Refused for what none can hold.  RFC 9051 §9."""
    if not text.isascii() or any(sign in text for sign in "\r\n\0"):
        raise Refused("this server takes only plain letters, digits and signs here")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _shown(text: bytes) -> str:
    """Return what a server wrote, as far as it can be printed."""
    words = text[:_TEXT_SHOWN].decode(errors="replace")
    return "".join(sign if sign.isprintable() else " " for sign in words).strip()
