"""A connection to an ordinary IMAP server: TLS from the first octet, every wait and answer bounded.

One command at a time.  Whatever the server does wrong ends the connection with one sentence
that names it; nothing of it is believed further.  What stands between the library and the
server is the guard's.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Final

from msgspec import Struct

from gateway.legacy.answers import Data, Status, shown
from gateway.legacy.guard import ANSWERS_MAX, LITERAL_OCTETS, Expected, Guard
from mx_core.model.errors import BadCredentials, PeerUnreachable, Refused
from mx_core.model.secret import Secret

_CONNECT_SECONDS: Final = 30.0
_SILENCE_SECONDS: Final = 60.0  # without an octet
_COMMAND_SECONDS: Final = 120.0
_IDLE_SECONDS: Final = 30.0  # for IDLE to begin, and for it to end: else the connection is dead
_OCTETS_A_SECOND: Final = 10_000  # a server that is slower is given up
_NO_TLS: Final = (
    "{} does not speak TLS from the first octet; a port that begins in clear (STARTTLS) is not"
    " used, because whoever stands between can take the offer away: name the port for IMAP over"
    " TLS, which is mostly 993"
)
_TOKEN_METHODS: Final = frozenset({"AUTH=XOAUTH2", "AUTH=OAUTHBEARER"})
_NO_OAUTH: Final = "{} takes no token of OAuth; it wants a password or an app password"
_LOGIN_DISABLED: Final = (
    "{} does not let anybody log in with a password; it may want an app password or OAuth"
)


class Server(Struct, frozen=True):
    """Whom to ask."""

    host: str
    port: int
    user: str
    ca_file: str = ""  # trusted instead of the system's roots
    by_token: bool = False  # what logs in is a token of OAuth, and no password

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

    def __init__(self, server: Server, guard: Guard) -> None:
        self.server = server
        self.capabilities: frozenset[str] = frozenset()
        self.news = False  # of the open mailbox something was told that no command had asked for
        self._elsewhere: list[Data] = []  # and of others
        self._guard = guard
        guard.between = Expected(take=lambda data: self._beside("", data))

    @classmethod
    async def open(cls, server: Server, secret: Secret[str]) -> ImapClient:
        """Connect and log in.

        Raises:
            PeerUnreachable: It can not be reached now, or is no IMAP server.
            Refused: It does not speak TLS, is not who it should be, or does not let us in.
        """
        client = cls(server, await _connected(server))
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
        octets: int = LITERAL_OCTETS,
        answers: int = ANSWERS_MAX,
    ) -> Status:
        """Send *command*, give untagged data to *take*, conditions to *told*; return the status.

        *octets* bounds the literals of one answer, and with *answers* the whole.

        Raises:
            SaidNo: NO or BAD.
            PeerUnreachable: The connection is of no more use.
        """

        def hear(data: Data) -> None:
            self._beside(command, data)
            take(data)

        expected = Expected(octets, answers, hear, told)
        async with self._limit(_COMMAND_SECONDS + octets / _OCTETS_A_SECOND):
            status = await self._guard.run(self._guard.command(command), expected, _SILENCE_SECONDS)
        return self._agreed(command.partition(" ")[0], status)

    async def idle(self, seconds: float, called: asyncio.Event | None = None) -> list[Data]:
        """Wait until the server tells something, for *seconds*, or until *called*.

        Return what it told.  RFC 2177.  What it tells before IDLE begins is in ``news``, or is
        taken by ``told_elsewhere``: it is not told again.
        """
        told: list[Data] = []
        if "IDLE" not in self.capabilities:
            raise SaidNo(f"{self.server.name} does not know IDLE", b"")
        async with self._limit(seconds + 2 * _IDLE_SECONDS):
            status = await self._guard.run_idle(
                seconds, Expected(take=told.append), _IDLE_SECONDS, called
            )
        self._agreed("IDLE", status)
        return told

    def told_elsewhere(self) -> list[Data]:
        """Take what was told of other mailboxes with or between commands (RFC 5465 §4); not by IDLE."""
        told, self._elsewhere = self._elsewhere, []
        return told

    def _beside(self, command: str, data: Data) -> None:
        self.news |= _is_news(command, data)
        is_asked = data.name != "STATUS" or command.startswith("STATUS")
        if not is_asked and len(self._elsewhere) < ANSWERS_MAX:
            self._elsewhere.append(data)

    async def close(self) -> None:
        """End the connection at once; never raises for what the other side does."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await self._guard.gone()

    # ── logging in ──────────────────────────────────────────────────────────────────
    async def greet(self, secret: Secret[str]) -> None:
        """Hear the greeting and log in; once, by ``open``."""
        async with self._limit(_CONNECT_SECONDS):
            greeting = await self._guard.greeting()
        await self._ask_capabilities()
        if greeting.word != "PREAUTH":
            if self.server.by_token:
                if not self.capabilities & _TOKEN_METHODS:
                    raise Refused(_NO_OAUTH.format(self.server.name))
            elif "LOGINDISABLED" in self.capabilities and "AUTH=PLAIN" not in self.capabilities:
                raise Refused(_LOGIN_DISABLED.format(self.server.name))
            try:
                await self._log_in(secret)
            except SaidNo as error:
                raise BadCredentials(
                    f"{self.server.name} does not let {self.server.user} in: {error}"
                ) from error
            await self._ask_capabilities()
        self._guard.is_in(self.capabilities)

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
        if self.server.by_token or "AUTH=PLAIN" in self.capabilities:
            method, said, refused = self._sasl(secret)
            # sent when the server asks, which every server knows   RFC 3501 §6.2.2
            replies = (base64.b64encode(said.encode()), refused)
            name, expected = "AUTHENTICATE", Expected(replies=replies)
            call = self._guard.command(f"AUTHENTICATE {method}")
        else:
            name, expected = "LOGIN", Expected()
            user = quoted(self.server.user)
            quoted(secret.reveal())  # refuses what can not be said; the library quotes it
            call = self._guard.login(user, secret.reveal())
        async with self._limit(_COMMAND_SECONDS):
            status = await self._guard.run(call, expected, _SILENCE_SECONDS)
        self._agreed(name, status)

    def _sasl(self, secret: Secret[str]) -> tuple[str, str, bytes]:
        """Return the mechanism, what it says, and what it says to a reason why not."""
        user, said = self.server.user, secret.reveal()
        if not self.server.by_token:
            return "PLAIN", f"\0{user}\0{said}", b"*"  # RFC 4616 §2
        if "AUTH=OAUTHBEARER" in self.capabilities:  # a comma or = would end the name
            name = user.replace("=", "=3D").replace(",", "=2C")
            return (
                "OAUTHBEARER",
                f"n,a={name},\x01auth=Bearer {said}\x01\x01",
                b"AQ==",
            )  # RFC 7628 §3
        # of Google and Microsoft, as their pages say: older, and what both know
        return "XOAUTH2", f"user={user}\x01auth=Bearer {said}\x01\x01", b""

    def _agreed(self, name: str, status: Status) -> Status:
        if status.word != "OK":
            said = shown(status.text) or status.word
            raise SaidNo(f"{self.server.name} refuses {name}: {said}", status.code)
        return status

    @contextlib.asynccontextmanager
    async def _limit(self, seconds: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError as error:
            raise PeerUnreachable(f"{self.server.name} does not answer in time") from error


def _is_news(command: str, data: Data) -> bool:
    """Tell whether *data* is of a change in the open mailbox, told beside the answer.

    A server may tell it with any command, and then not once more.  RFC 9051 §5.2.
    """
    if data.name in {"EXISTS", "EXPUNGE", "VANISHED"}:
        return not command.startswith(("SELECT", "EXAMINE"))
    listed = data.values[0] if data.name == "FETCH" and data.values else None
    return isinstance(listed, list) and b"FLAGS" in listed and "FLAGS" not in command


async def _connected(server: Server) -> Guard:
    context = ssl.create_default_context(cafile=server.ca_file or None)
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, guard = await asyncio.get_running_loop().create_connection(
                lambda: Guard(server.name), server.host, server.port, ssl=context
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
    return guard


def quoted(text: str) -> str:
    """Return a quoted string; raises Refused for what none can hold.  RFC 9051 §9."""
    if not text.isascii() or any(sign in text for sign in "\r\n\0"):
        raise Refused("this server takes only plain letters, digits and signs here")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
