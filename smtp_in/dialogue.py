"""One connection's dialogue from MAIL to the end of a message: who may do what, in which order.

Knows no socket and no TLS: the wire below it says replies, reads lines and pieces, and hangs
up.  250 after DATA means that the outbox holds the message durably.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog
from msgspec import Struct

from mx_core.model.errors import MailError
from mx_core.ports import Account, Accounts
from mx_core.trail_port import Observer, Step, Trail, nobody
from smtp_in import command, login, replies
from smtp_in.body import DataReader, Flaw, Room
from smtp_in.chunks import Chunk, ChunkReader, parse_chunk
from smtp_in.limits import Limits
from smtp_in.login import Login
from smtp_in.long import LongMessage
from smtp_in.message import make_submission
from smtp_in.replies import Reply
from smtp_in.submission import Transaction, judge_mail, judge_recipient

log = structlog.get_logger(__name__)

Command = Callable[[str | None], Awaitable[None]]


class Wire(login.Wire, Protocol):
    """What the dialogue needs of the connection."""

    async def piece(self) -> bytes:
        """Return some octets that came, at least one; the idle timer restarts."""

    def unread(self, octets: bytes) -> None:
        """Put octets back before those that are still to be read."""

    def greeted(self) -> bool:
        """Tell whether HELO or EHLO was said."""


class House(Struct, frozen=True):
    """What the dialogues of one ``serve`` share."""

    accounts: Accounts
    limits: Limits
    room: Room
    observer: Observer = nobody


class Dialogue:
    """The state of one connection: who is logged in, and ``transaction`` from MAIL on."""

    def __init__(self, wire: Wire, house: House) -> None:
        self._wire = wire
        self._house = house
        self.trail: Trail = house.observer()
        self._login = Login(wire, house.accounts, house.limits, self.trail)
        self._chunks: ChunkReader | None = None  # from the first BDAT of the transaction on
        self._long: LongMessage | None = None  # from the first octets of a message on
        self.transaction: Transaction | None = None

    @property
    def commands(self) -> dict[str, Command]:
        """Return the commands that are carried out here, by verb."""
        return {
            "AUTH": self._login.auth,
            "MAIL": self.mail,
            "RCPT": self.rcpt,
            "DATA": self.data,
            "BDAT": self.bdat,
        }

    @property
    def settled(self) -> bool:
        """Tell whether somebody has logged in."""
        return self._login.account is not None

    @property
    def account(self) -> Account | None:
        """Return who is logged in."""
        return self._login.account

    def drop(self) -> None:
        """Let go of the message under way: RSET, EHLO, or the end of the connection."""
        self.transaction = None
        if self._chunks is not None:
            self._chunks.close()
            self._chunks = None
        if self._long is not None:
            self._long.close()
            self._long = None

    def forget(self) -> None:
        """Begin anew after STARTTLS: nothing learnt in clear survives (RFC 3207 §4.2)."""
        self._login.account = None
        self.drop()

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
                time.time(),
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
        how = "named before"
        if recipient is not None:
            try:
                how = await self.account.outbox.judge(self.transaction.sender, recipient)
            except MailError as error:
                log.info("recipient_refused", reason=type(error).__name__)
                await self._wire.say(replies.of_error(error))
                return
            self.transaction.recipients.append(recipient)
        await self._wire.say(replies.recipient_accepted(how))

    async def data(self, argument: str | None) -> None:
        """DATA: one message in bounded pieces, then one reply."""
        account, transaction = self.account, self.transaction
        if account is None or transaction is None:
            await self._wire.say(replies.MAIL_FIRST if account else replies.LOGIN_FIRST)
        elif not transaction.recipients:
            await self._wire.say(replies.RCPT_FIRST)
        elif self._chunks is not None:
            await self._wire.say(replies.BDAT_BEGUN)
        elif argument:
            await self._wire.say(replies.NO_ARGUMENT)
        else:
            await self._wire.say(replies.GO_AHEAD)
            limits = self._house.limits
            self._long = LongMessage(account.outbox, transaction)
            reader = DataReader(
                self._house.room,
                message_octets=limits.message_octets,
                line_octets=limits.line_octets,
                sink=self._long,
                memory_octets=limits.memory_octets,
            )
            try:
                await self._read_body(reader)
                reply = await self._accept(account, transaction, reader.message())
            finally:
                reader.close()
                self.drop()
            await self._wire.say(reply)

    async def bdat(self, argument: str | None) -> None:
        """BDAT: one chunk, read whatever is said of it, so that the next command is found.

        RFC 3030 §2: a chunk that cannot be taken is still read; the message ends with LAST.
        """
        chunk = parse_chunk(argument)
        if chunk is None:
            await self._wire.end(replies.BAD_BDAT)
        if chunk.octets > 2 * self._house.limits.message_octets:
            await self._wire.end(replies.of_flaw(Flaw.TOO_LARGE))
        account, transaction = self.account, self.transaction
        if account is None or transaction is None:
            await self._read_chunk(chunk, None)
            await self._wire.say(replies.MAIL_FIRST if account else replies.LOGIN_FIRST)
        elif not transaction.recipients:
            await self._read_chunk(chunk, None)
            await self._wire.say(replies.RCPT_FIRST)
        else:
            await self._wire.say(await self._take_chunk(account, transaction, chunk))

    async def _take_chunk(self, account: Account, transaction: Transaction, chunk: Chunk) -> Reply:
        limits = self._house.limits
        if self._chunks is None:
            self._long = LongMessage(account.outbox, transaction)
            self._chunks = ChunkReader(
                self._house.room,
                message_octets=limits.message_octets,
                line_octets=limits.line_octets,
                sink=self._long,
                memory_octets=limits.memory_octets,
            )
        reader = self._chunks
        await self._read_chunk(chunk, reader)
        if reader.flaw is None and not chunk.last:
            return replies.chunk_taken(chunk.octets)
        try:
            return await self._accept(account, transaction, reader.message())
        finally:
            self.drop()

    async def _read_chunk(self, chunk: Chunk, reader: ChunkReader | None) -> None:
        left = chunk.octets
        while left:
            piece = await self._wire.piece()
            if reader is not None:
                reader.feed(piece[:left])
            self._wire.unread(piece[left:])
            left -= min(left, len(piece))

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
        self, account: Account, transaction: Transaction, outcome: bytes | Flaw
    ) -> Reply:
        """Return the reply to one message; 250 only when the outbox holds it."""
        if isinstance(outcome, Flaw):
            log.info("message_refused", reason=outcome.name)
            if outcome is Flaw.BARE_OCTET:
                # Whoever writes such lines may hold another line for the end than we do.
                await self._wire.end(replies.of_flaw(outcome))
            return replies.of_flaw(outcome)
        try:
            if self._long is not None and self._long.begun:
                submission = self._long.submission()
            else:
                submission = make_submission(
                    outcome, transaction, now=time.time(), unique=secrets.token_hex(16)
                )
            # A crash before this returns: no 250 was said, the mail program sends again.
            # A crash after it and before the 250: the outbox has it, and the mail program may
            # send it a second time; SMTP can not tell these two apart (RFC 1047).
            queue_id = await account.outbox.enqueue(submission)
        except MailError as error:
            log.info("message_refused", reason=type(error).__name__)
            return replies.of_error(error)
        self.trail.reached(Step.SUBMITTED)
        log.info("message_accepted", queue_id=queue_id, octets=submission.size)
        return replies.queued(queue_id)
