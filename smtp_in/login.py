"""AUTH PLAIN and AUTH LOGIN: who is at the other end.  RFC 4954.

Nothing is taken that was sent behind AUTH before its answer, and a bad login is answered alike
whatever was wrong with it.
"""

from __future__ import annotations

from typing import Final, NoReturn, Protocol

import structlog

from mx_core.model.errors import BadCredentials, Unavailable
from mx_core.model.secret import Secret
from mx_core.ports import Account, Accounts
from mx_core.trail_port import UNWATCHED, Trail
from smtp_in import command, replies
from smtp_in.command import Credentials
from smtp_in.limits import Limits
from smtp_in.replies import Reply

log = structlog.get_logger(__name__)

_PLAIN: Final = "PLAIN"
_LOGIN: Final = "LOGIN"


class Wire(Protocol):
    """What a login needs of the connection."""

    async def say(self, reply: Reply) -> None:
        """Send one reply."""

    async def ask(self, challenge: bytes) -> bytes:
        """Send 334 with *challenge* in base64 and return the line that answers it."""

    async def end(self, reply: Reply) -> NoReturn:
        """Say *reply* and hang up; nothing more of the input is taken for a command."""

    def has_unread(self) -> bool:
        """Tell whether octets have come that nobody has read."""

    def is_private(self) -> bool:
        """Tell whether a password may be said here."""

    def extended(self) -> bool:
        """Tell whether EHLO was said."""


class Login:
    """Who is logged in on one connection: ``account``, from AUTH on."""

    def __init__(
        self, wire: Wire, accounts: Accounts, limits: Limits, trail: Trail = UNWATCHED
    ) -> None:
        self._trail = trail
        self._wire = wire
        self._accounts = accounts
        self._limits = limits
        self._failures = 0
        self.account: Account | None = None

    async def auth(self, argument: str | None) -> None:
        """AUTH, with or without an initial response."""
        words = (argument or "").split()
        if not self._wire.extended():
            await self._wire.say(replies.HELLO_FIRST)
        elif self.account is not None:
            await self._wire.say(replies.ALREADY_LOGGED_IN)
        elif not self._wire.is_private():
            await self._wire.say(replies.TLS_FIRST)
        elif len(words) not in {1, 2}:
            await self._wire.say(replies.NEED_MECHANISM)
        elif words[0].upper() not in {_PLAIN, _LOGIN}:
            await self._wire.say(replies.UNKNOWN_MECHANISM)
        else:
            initial = words[1].encode("utf-8", "surrogateescape") if words[1:] else None
            outcome = await self._credentials(words[0].upper(), initial)
            if isinstance(outcome, Reply):
                await self._wire.say(outcome)
            else:
                await self._log_in(outcome)

    async def _credentials(
        self, mechanism: str, initial: bytes | None
    ) -> Credentials | Reply | None:
        """Return what was told, None if it can not be right, or the reply that ends the attempt."""
        challenge = b"" if mechanism == _PLAIN else b"Username:"
        first = await self._response(initial, challenge)
        if isinstance(first, Reply):
            return first
        if mechanism == _PLAIN:
            return command.parse_plain(first)
        password = await self._response(None, b"Password:")
        return password if isinstance(password, Reply) else command.login(first, password)

    async def _response(self, initial: bytes | None, challenge: bytes) -> bytes | Reply:
        await self._refuse_pipelining()
        line = await self._wire.ask(challenge) if initial is None else initial
        if line == b"*":
            return replies.AUTH_CANCELLED
        if len(line) > self._limits.auth_line_octets:
            return replies.AUTH_LINE_TOO_LONG
        response = command.decode_base64(line)
        return replies.BAD_BASE64 if response is None else response

    async def _log_in(self, credentials: Credentials | None) -> None:
        try:
            if credentials is None:
                raise BadCredentials  # noqa: TRY301  # a response that names nobody is answered alike
            account = await self._accounts.authenticate(
                credentials.username, Secret(credentials.password)
            )
        except BadCredentials:
            self._failures += 1
            self._trail.is_refused()
            log.info("login_refused", door="smtp", failures=self._failures)
            if self._failures >= self._limits.failed_logins:
                await self._wire.end(replies.TOO_MANY_LOGINS)
            await self._wire.say(replies.BAD_LOGIN)
        except Unavailable as error:
            await self._wire.say(Reply(454, "4.7.0", str(error)))  # RFC 4954 §6
        else:
            await self._refuse_pipelining()
            self.account = account
            self._trail.belongs_to(account)
            await self._wire.say(replies.LOGGED_IN)

    async def _refuse_pipelining(self) -> None:
        """Hang up on whoever sends on before the answer: RFC 4954 §4 puts AUTH last in a group."""
        if self._wire.has_unread():
            await self._wire.end(replies.PIPELINED_AUTH)
