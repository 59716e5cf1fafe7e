"""One connection's dialogue at the door, from MAIL to the end of a message.  RFC 5321.

Knows no socket, no TLS and no sealing.  250 after DATA means that the home server holds, sealed,
what was brought for every recipient.  Whatever is refused is refused here and now, so that nobody
is ever sent a bounce for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn, Protocol

import structlog

from mx_core.model.errors import MailError
from mx_core.trail_port import UNWATCHED, Trail
from smtp_in import command, replies
from smtp_in.body import DataReader, Flaw, Room
from smtp_in.door.limits import Limits
from smtp_in.door.ports import Behind, Delivery, Peer, Recipient
from smtp_in.door.transaction import NOBODY, Incoming, judge_mail, judge_recipient
from smtp_in.replies import Reply

log = structlog.get_logger()

Command = Callable[[str | None], Awaitable[None]]

TAKEN = Reply(250, "2.0.0", "sealed, and kept for every recipient")
NO_LOGIN = Reply(502, "5.5.1", "nobody logs in here; submission is your own gateway's")
HELP = Reply(214, "2.0.0", "DATA EHLO HELO HELP MAIL NOOP QUIT RCPT RSET STARTTLS VRFY")
TOO_MANY_WRONG = Reply(421, "4.7.0", "too many addresses that nobody has")
TOO_MANY_MESSAGES = Reply(421, "4.7.0", "too many messages on this connection; open another")


class Wire(Protocol):
    """What the dialogue needs of the connection."""

    async def say(self, reply: Reply) -> None:
        """Send one reply."""

    async def end(self, reply: Reply) -> NoReturn:
        """Say *reply* and hang up; nothing more of the input is taken for a command."""

    async def piece(self) -> bytes:
        """Return some octets that came, at least one; the idle timer restarts."""

    def unread(self, octets: bytes) -> None:
        """Put octets back before those that are still to be read."""

    def greeted(self) -> bool:
        """Tell whether HELO or EHLO was said."""

    def helo(self) -> str:
        """Return what it named."""

    def peer_ip(self) -> str:
        """Return the address that connected."""

    def inside_tls(self) -> bool:
        """Tell whether TLS is spoken."""


@dataclass(frozen=True, slots=True)
class House:
    """What the dialogues of one door share."""

    domain: str
    aliases: Mapping[str, str]
    behind: Behind
    limits: Limits
    room: Room


class DoorDialogue:
    """The state of one connection: ``incoming`` from MAIL on."""

    def __init__(self, wire: Wire, house: House) -> None:
        """Nothing is said before the first command."""
        self._wire = wire
        self._house = house
        self._wrong = 0
        self._messages = 0
        self.incoming: Incoming | None = None

    @property
    def trail(self) -> Trail:
        """Return nobody: whose mail server connects is not followed."""
        return UNWATCHED

    @property
    def commands(self) -> dict[str, Command]:
        """Return the commands that are carried out here, by verb."""
        return {
            "MAIL": self.mail,
            "RCPT": self.rcpt,
            "DATA": self.data,
            "AUTH": self._no_login,
            "HELP": self._help,
        }

    @property
    def settled(self) -> bool:
        """Nobody logs in at a door: the end of its time comes for every session."""
        return False

    def drop(self) -> None:
        """Let go of the message under way: RSET, EHLO, or the end of the connection."""
        self.incoming = None

    def forget(self) -> None:
        """Begin anew after STARTTLS: nothing learnt in clear survives (RFC 3207 §4.2)."""
        self.drop()

    async def mail(self, argument: str | None) -> None:
        """MAIL FROM: begin a message."""
        if not self._wire.greeted():
            await self._wire.say(replies.HELLO_FIRST)
        elif self.incoming is not None:
            await self._wire.say(replies.MAIL_TWICE)
        elif self._messages >= self._house.limits.messages_per_connection:
            await self._wire.end(TOO_MANY_MESSAGES)
        else:
            begun = judge_mail(command.parse_path(argument, "FROM:"), self._house.limits)
            if isinstance(begun, Incoming):
                self.incoming = begun
                await self._wire.say(replies.MAIL_OK)
            else:
                await self._wire.say(begun)

    async def rcpt(self, argument: str | None) -> None:
        """RCPT TO: somebody who takes mail here, or nobody."""
        incoming, house = self.incoming, self._house
        if incoming is None:
            await self._wire.say(replies.MAIL_FIRST)
            return
        path = command.parse_path(argument, "TO:")
        asked = judge_recipient(path, incoming, house.domain, house.aliases, house.limits)
        if isinstance(asked, Reply):
            await self._refuse(asked)
            return
        try:
            whose = await house.behind.whose(asked.local, house.domain)
        except MailError as error:
            log.info("recipient_put_off", reason=type(error).__name__)
            await self._wire.say(replies.of_error(error))
            return
        if whose is None:
            await self._refuse(NOBODY)
            return
        if not incoming.knows(whose):
            incoming.recipients.append(Recipient(asked.given, whose))
        await self._wire.say(replies.recipient_accepted("sealed at this door"))

    async def data(self, argument: str | None) -> None:
        """DATA: one message in bounded pieces, then one reply for all of its recipients."""
        incoming = self.incoming
        if incoming is None:
            await self._wire.say(replies.MAIL_FIRST)
        elif not incoming.recipients:
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
                reply = await self._take(incoming, reader.message())
            finally:
                reader.close()
                self.drop()
                self._messages += 1
            await self._wire.say(reply)

    async def _no_login(self, _: str | None) -> None:
        await self._wire.say(NO_LOGIN)

    async def _help(self, _: str | None) -> None:
        await self._wire.say(HELP)

    async def _refuse(self, reply: Reply) -> None:
        """Refuse a recipient slowly, and hang up on who tries one name after another."""
        if reply is NOBODY:
            self._wrong += 1
            await asyncio.sleep(self._house.limits.tarpit_seconds)
            if self._wrong >= self._house.limits.wrong_recipients:
                log.info("names_were_tried", count=self._wrong)
                await self._wire.end(TOO_MANY_WRONG)
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

    async def _take(self, incoming: Incoming, outcome: bytes | Flaw) -> Reply:
        """Return the reply to one message; 250 only when the home server holds it."""
        if isinstance(outcome, Flaw):
            log.info("message_refused", reason=outcome.name)
            if outcome is Flaw.BARE_OCTET:
                # Whoever writes such lines may hold another line for the end than we do.
                await self._wire.end(replies.of_flaw(outcome))
            return replies.of_flaw(outcome)
        wire = self._wire
        peer = Peer(wire.peer_ip(), wire.helo(), wire.inside_tls())
        delivery = Delivery(peer, incoming.mail_from, tuple(incoming.recipients), outcome)
        try:
            # A crash before this returns: no 250 was said, and the sender brings it again.  A
            # crash after it and before the 250: it brings it again too, and what is sealed then
            # has the same msg_id (spec/door §5).
            await self._house.behind.take(delivery)
        except MailError as error:
            log.info("message_refused", reason=type(error).__name__)
            return replies.of_error(error)
        log.info("message_sealed", octets=len(outcome), recipients=len(delivery.recipients))
        return TAKEN
