"""One connection's dialogue from AUTH to the end of DATA: who may do what, in which order.

Knows no socket and no TLS: the wire below it says replies, reads lines and pieces, and hangs
up.  250 after DATA means that the outbox holds the message durably.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, NoReturn, Protocol

import structlog

from mx_core.model.errors import BadCredentials, MailError, Unavailable
from mx_core.model.secret import Secret
from mx_core.ports import Account, Accounts
from smtp_in import command, replies
from smtp_in.body import DataReader, Flaw, Room
from smtp_in.command import Credentials
from smtp_in.limits import Limits
from smtp_in.message import make_submission
from smtp_in.replies import Reply
from smtp_in.submission import Transaction, judge_mail, judge_recipient

log = structlog.get_logger(__name__)

Command = Callable[[str | None], Awaitable[None]]
_PLAIN: Final = "PLAIN"
_LOGIN: Final = "LOGIN"


class Wire(Protocol):
    """What the dialogue needs of the connection."""

    async def say(self, reply: Reply) -> None:
        """Send one reply."""

    async def ask(self, challenge: bytes) -> bytes:
        """Send 334 with *challenge* in base64 and return the line that answers it."""

    async def end(self, reply: Reply) -> NoReturn:
        """Say *reply* and hang up; nothing more of the input is taken for a command."""

    async def piece(self) -> bytes:
        """Return some octets that came, at least one; the idle timer restarts."""

    def unread(self, octets: bytes) -> None:
        """Put octets back before those that are still to be read."""

    def has_unread(self) -> bool:
        """Tell whether octets have come that nobody has read."""

    def is_private(self) -> bool:
        """Tell whether a password may be said here."""

    def greeted(self) -> bool:
        """Tell whether HELO or EHLO was said."""

    def extended(self) -> bool:
        """Tell whether it was EHLO."""


@dataclass(frozen=True, slots=True)
class House:
    """What the dialogues of one ``serve`` share."""

    accounts: Accounts
    limits: Limits
    room: Room


class Dialogue:
    """The state of one connection: ``account`` from AUTH on, ``transaction`` from MAIL on."""

    def __init__(self, wire: Wire, house: House) -> None:
        self._wire = wire
        self._house = house
        self._failed_logins = 0
        self.account: Account | None = None
        self.transaction: Transaction | None = None

    @property
    def commands(self) -> dict[str, Command]:
        """Return the commands that are carried out here, by verb."""
        return {"AUTH": self.auth, "MAIL": self.mail, "RCPT": self.rcpt, "DATA": self.data}

    def forget(self) -> None:
        """Begin anew after STARTTLS: nothing learnt in clear survives (RFC 3207 §4.2)."""
        self.account = None
        self.transaction = None

    # ── authentication, RFC 4954 ─────────────────────────────────────────────────────
    async def auth(self, argument: str | None) -> None:
        """AUTH PLAIN and AUTH LOGIN, with or without an initial response."""
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
            initial = words[1].encode("ascii") if words[1:] else None
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
        if len(line) > self._house.limits.auth_line_octets:
            return replies.AUTH_LINE_TOO_LONG
        response = command.decode_base64(line)
        return replies.BAD_BASE64 if response is None else response

    async def _log_in(self, credentials: Credentials | None) -> None:
        try:
            if credentials is None:
                raise BadCredentials  # noqa: TRY301  # a response that names nobody is answered alike
            account = await self._house.accounts.authenticate(
                credentials.username, Secret(credentials.password)
            )
        except BadCredentials:
            self._failed_logins += 1
            log.info("login_refused", door="smtp", failures=self._failed_logins)
            if self._failed_logins >= self._house.limits.failed_logins:
                await self._wire.end(replies.TOO_MANY_LOGINS)
            await self._wire.say(replies.BAD_LOGIN)
        except Unavailable as error:
            await self._wire.say(Reply(454, "4.7.0", str(error)))  # RFC 4954 §6
        else:
            await self._refuse_pipelining()
            self.account = account
            await self._wire.say(replies.LOGGED_IN)

    async def _refuse_pipelining(self) -> None:
        """Hang up on whoever sends on before the answer: RFC 4954 §4 puts AUTH last in a group."""
        if self._wire.has_unread():
            await self._wire.end(replies.PIPELINED_AUTH)

    # ── mail, RFC 6409 ───────────────────────────────────────────────────────────────
    async def mail(self, argument: str | None) -> None:
        """MAIL FROM: begin a message."""
        if not self._wire.greeted():
            await self._wire.say(replies.HELLO_FIRST)
        elif self.account is None:
            await self._wire.say(replies.LOGIN_FIRST)
        elif self.transaction is not None:
            await self._wire.say(replies.MAIL_TWICE)
        else:
            begun = judge_mail(
                command.parse_path(argument, "FROM:"),
                self.account.address,
                self.account.may_send_as,
                self._house.limits,
            )
            if isinstance(begun, Transaction):
                self.transaction = begun
                await self._wire.say(replies.MAIL_OK)
            else:
                await self._wire.say(begun)

    async def rcpt(self, argument: str | None) -> None:
        """RCPT TO: one verdict for one recipient, from the outbox."""
        if self.account is None or self.transaction is None:
            await self._wire.say(replies.MAIL_FIRST if self.account else replies.LOGIN_FIRST)
            return
        path = command.parse_path(argument, "TO:")
        recipient = judge_recipient(path, self.transaction, self._house.limits)
        if isinstance(recipient, Reply):
            await self._wire.say(recipient)
            return
        if recipient is not None:
            try:
                await self.account.outbox.judge(self.transaction.sender, recipient)
            except MailError as error:
                log.info("recipient_refused", reason=type(error).__name__)
                await self._wire.say(replies.of_error(error))
                return
            self.transaction.recipients.append(recipient)
        await self._wire.say(replies.RCPT_OK)

    async def data(self, argument: str | None) -> None:
        """DATA: one message in bounded pieces, then one reply."""
        account, transaction = self.account, self.transaction
        if account is None or transaction is None:
            await self._wire.say(replies.MAIL_FIRST if account else replies.LOGIN_FIRST)
        elif not transaction.recipients:
            await self._wire.say(replies.RCPT_FIRST)
        elif argument:
            await self._wire.say(replies.NO_ARGUMENT)
        else:
            await self._wire.say(replies.GO_AHEAD)
            limits = self._house.limits
            reader = DataReader(
                self._house.room,
                message_octets=limits.message_octets,
                line_octets=limits.line_octets,
            )
            try:
                await self._read_body(reader)
                reply = await self._accept(account, transaction, reader)
            finally:
                reader.close()
                self.transaction = None
            await self._wire.say(reply)

    async def _read_body(self, reader: DataReader) -> None:
        """Read to the end of data; hang up on a refused message that goes on too far or long."""
        refused_at: float | None = None
        rest: bytes | None = None
        while rest is None:
            rest = reader.feed(await self._wire.piece())
            if reader.flaw is not None and rest is None:
                refused_at = refused_at or time.monotonic()
                late = time.monotonic() - refused_at > self._house.limits.drain_seconds
                if reader.hopeless or late:
                    await self._wire.end(replies.of_flaw(reader.flaw))
        self._wire.unread(rest)  # commands that were pipelined behind the message

    async def _accept(
        self, account: Account, transaction: Transaction, reader: DataReader
    ) -> Reply:
        """Return the reply to one message; 250 only when the outbox holds it."""
        outcome = reader.message()
        if isinstance(outcome, Flaw):
            log.info("message_refused", reason=outcome.name)
            if outcome is Flaw.BARE_OCTET:
                # Whoever writes such lines may hold another line for the end than we do.
                await self._wire.end(replies.of_flaw(outcome))
            return replies.of_flaw(outcome)
        try:
            submission = make_submission(
                outcome,
                transaction.sender,
                transaction.recipients,
                now=time.time(),
                unique=secrets.token_hex(16),
            )
            # A crash before this returns: no 250 was said, the mail program sends again.
            # A crash after it and before the 250: the outbox has it, and the mail program may
            # send it a second time; SMTP can not tell these two apart (RFC 1047).
            queue_id = await account.outbox.enqueue(submission)
        except MailError as error:
            log.info("message_refused", reason=type(error).__name__)
            return replies.of_error(error)
        log.info("message_accepted", queue_id=queue_id, octets=len(submission.octets))
        return replies.queued(queue_id)
