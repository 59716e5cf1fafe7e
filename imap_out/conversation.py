"""One connection from greeting to end: octets and deadlines, and nothing that knows a command.

Reading stops while answers wait to be read, so a connection holds at most one command (of APPENDs that
may overlap 32, together 2 MiB), what two reads brought, and one piece of an answer.
Logs carry connection numbers and sizes; of a bug its type and where, never its text.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import ssl
import traceback
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from msgspec import Struct

from imap_out.duplex import Duplex
from imap_out.session.answers.out import Out
from imap_out.session.connection import Connection, Next
from imap_out.session.state.hiding import Hiding
from imap_out.session.state.recent import RecentClaims
from imap_out.session.state.session import Completed, Security
from imap_out.session.state.shelves import Shelves
from imap_out.wire.limits import Limits
from mx_core.model.address import Address
from mx_core.model.errors import MailError
from mx_core.ports import Accounts
from mx_core.trail_port import Observer, Step

log = structlog.get_logger()

_BYE_SECONDS: Final = 2.0

AllowClear = Callable[[tuple[str, int], tuple[str, int]], bool]


class Listener(Struct, frozen=True):
    """A bound, listening socket.  *implicit*: TLS from the first octet, else by STARTTLS."""

    sock: socket.socket
    tls: ssl.SSLContext | None
    implicit: bool


@dataclass(frozen=True)
class Common:
    """What the connections of a server have in common."""

    accounts: Accounts
    limits: Limits
    allow_clear: AllowClear
    hiding: Hiding
    can_compress: Callable[[tuple[str, int]], bool]
    observer: Observer
    claims: RecentClaims = field(default_factory=RecentClaims)
    shelves: Shelves = field(default_factory=Shelves)
    logins: Counter[Address] = field(default_factory=Counter)  # connections of each account


class Conversation:
    """See the module; *number* stands in the log."""

    def __init__(self, common: Common, listener: Listener, duplex: Duplex, number: int) -> None:
        self._common = common
        self._limits = common.limits
        self._listener = listener
        self._duplex = duplex
        self._log = log.bind(conn=number)
        self._account: Address | None = None
        self._connection = Connection(
            common.accounts, common.limits, self._security(tls=listener.implicit), common.claims,
            self._note_bug, common.shelves, common.hiding, _begin,
        )  # fmt: skip
        self._connection.session.is_alone = self._is_alone
        self._ahead = self._connection.session.ahead
        self._prompt = self._connection.prompt
        trail = self._connection.session.trail = common.observer()
        trail.reached(Step.REACHED)
        if listener.implicit:
            trail.reached(Step.SECURED)
        duplex.at_once = self._at_once
        self._now = (
            asyncio.get_running_loop().time
        )  # to ask which loop runs costs as much as a line of the answer
        self._out = Out(
            self._send, _breathe, common.limits.answer_octets, self._now, duplex.waiting
        )

    def _security(self, *, tls: bool) -> Security:
        peer, own = self._duplex.addresses()
        return Security(
            tls=tls,
            can_start_tls=self._listener.tls is not None,
            clear_allowed=not tls and self._common.allow_clear(peer, own),
            can_compress=self._common.can_compress(peer),
        )

    async def run(self) -> None:
        """Talk until either side ends; nothing that happens here reaches the other connections."""
        self._log.debug("imap_connection_opened")
        reason = "closed"
        try:
            reason = await self._talk()
        except TimeoutError:
            reason = "deadline"
        except (OSError, ssl.SSLError):
            reason = "lost"
        except MailError as error:
            reason = type(error).__name__
        except Exception as error:  # noqa: BLE001  # a bug ends this connection and no other
            self._note_bug(error)
            reason = "bug"
        finally:
            await self._end(reason)

    async def _end(self, reason: str) -> None:
        self._duplex.transport.close()
        with contextlib.suppress(MailError):
            await self._connection.close()
        if self._account is not None:
            self._common.logins[self._account] -= 1
        self._log.debug(
            "imap_connection_closed",
            reason=reason,
            octets_in=self._duplex.octets_in,
            octets_out=self._duplex.octets_out,
        )

    async def _talk(self) -> str:
        connection, out = self._connection, self._out
        deadline = self._now() + self._limits.login_seconds
        connection.greet(out)
        while True:
            next_ = await connection.step(out)
            if connection.session.account is not None and self._account is None:
                next_ = self._count_login(next_)
            match next_:
                case Next.GO_ON:
                    await out.room()
                    if connection.overlap.hungry and self._duplex.holds_octets:
                        connection.framer.feed(self._duplex.take())
                case Next.READ:
                    await out.flush()
                    if self._ahead.due:
                        self._ahead.go_on()
                    if self._duplex.ended:
                        return "closed"
                    next_ = await self._more(deadline)
                case Next.COMPRESS:
                    await out.flush()
                    if connection.framer.waiting:  # RFC 4978 §3: it must wait for the answer
                        return "early"
                    self._duplex.compress()
                case Next.START_TLS:
                    await self._start_tls()
                case Next.CLOSE:
                    pass
            if next_ is Next.CLOSE:
                await self._goodbye()
                return "closed"
            if self._duplex.woken:
                while connection.overlap:
                    await connection.answer_oldest(out)
                connection.say_goodbye("the gateway stops", out)
                await self._goodbye()
                return "stopped"

    async def _more(self, login_deadline: float) -> Next:
        """Wait for octets (or, idling, for news) and take them in."""
        if self._connection.pushes:
            return await self._idle()
        deadline, why = login_deadline, "nobody logged in"
        if self._account is None:
            await _breathe()
        else:
            deadline = self._now() + self._limits.idle_seconds
            why = "nothing was said for too long"
        if self._connection.framer.amid:
            self._duplex.acknowledge()
        try:
            await self._duplex.readable_until(deadline)
        except TimeoutError:
            self._connection.say_goodbye(why, self._out)
            return Next.CLOSE
        self._connection.framer.feed(self._duplex.take())
        return Next.READ

    def _is_alone(self) -> bool:
        """Tell whether whoever speaks has nothing more to say now, and nobody else spoke of late."""
        return self._duplex.speaks_alone and not self._connection.framer.waiting

    def _at_once(self, octets: bytes) -> bool:
        """Answer *octets* that came while the task waits for some; False: the task is to do it."""
        try:
            if not self._connection.at_once(octets, self._out):
                return False
            self._duplex.deadline = self._now() + self._limits.idle_seconds
            self._duplex.write(self._out.taken())
            if self._ahead.due:
                self._ahead.go_on()
            if self._prompt.took_part:
                self._go_on_at_once()
        except ConnectionResetError:
            pass  # the task is told by connection_lost
        except Exception as error:  # noqa: BLE001  # as in run
            self._note_bug(error)
            self._duplex.transport.abort()
        return True

    def _go_on_at_once(self) -> None:
        if self._prompt.left_something:
            self._duplex.look_up()
        elif self._connection.framer.amid:
            self._duplex.acknowledge()

    async def _idle(self) -> Next:
        """Tell news until the client says something.  RFC 2177, RFC 5465."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._limits.idle_seconds
        amid = asyncio.Lock()  # of news that are being told, which nothing may interrupt
        reading = asyncio.ensure_future(self._duplex.readable())
        telling = asyncio.ensure_future(self._tell_news(amid))
        try:
            while True:
                wait = min(self._limits.still_here_seconds, deadline - loop.time())
                done, _ = await asyncio.wait(
                    {reading, telling}, timeout=max(wait, 0), return_when=asyncio.FIRST_COMPLETED
                )
                await amid.acquire()
                if telling.done():
                    return telling.result()
                if reading in done:
                    reading.result()
                    self._connection.framer.feed(self._duplex.take())
                    return Next.READ
                if loop.time() >= deadline:
                    self._connection.say_goodbye("idle for too long", self._out)
                    return Next.CLOSE
                self._out.put(b"* OK still here\r\n")
                await self._out.flush()
                amid.release()
        finally:
            for task in (reading, telling):
                task.cancel()
            await asyncio.gather(reading, telling, return_exceptions=True)

    async def _tell_news(self, amid: asyncio.Lock) -> Next:
        """Tell what is new, again and again, until it ends the connection.

        In the task that hears of it: to wake another would cost as much as the telling.
        """
        while True:
            await self._changed()
            async with amid:
                next_ = await self._connection.tell_news(self._out)
                if next_ is Next.CLOSE:
                    return next_
                await self._out.flush()

    async def _changed(self) -> None:
        if not self._connection.awaits_changes:
            await asyncio.Event().wait()  # nothing is selected: only DONE ends this
        await self._connection.changed()

    def _count_login(self, next_: Next) -> Next:
        account = self._connection.session.account
        if account is None:
            return next_
        self._account = account.address
        self._common.logins[self._account] += 1
        self._log.info("imap_login_accepted", tls=self._connection.session.security.tls)
        if self._common.logins[self._account] > self._limits.connections_per_account:
            self._connection.say_goodbye("too many connections of this account", self._out)
            return Next.CLOSE
        return next_

    async def _start_tls(self) -> None:
        await self._out.flush()
        if self._listener.tls is None:
            return
        # what came in the clear after STARTTLS is thrown away: it could have been put there
        self._duplex.take()
        self._connection.framer.drop()
        await self._duplex.start_tls(self._listener.tls, self._limits.login_seconds)
        self._connection.secured(self._security(tls=True))
        self._connection.session.trail.reached(Step.SECURED)

    async def _goodbye(self) -> None:
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(_BYE_SECONDS):
                await self._out.flush()

    async def _send(self, pieces: list[bytes]) -> None:
        if not self._duplex.write(pieces):
            async with asyncio.timeout(self._limits.write_seconds):
                await self._duplex.room()

    def _note_bug(self, error: BaseException) -> str:
        reference = secrets.token_hex(4)
        where = [
            f"{frame.filename}:{frame.lineno}:{frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)
        ]
        # the text of the exception may hold octets of a message, so only its type is told
        self._log.error("imap_bug", reference=reference, kind=type(error).__name__, where=where)
        return reference


def _begin(command: Coroutine[Any, Any, Completed]) -> asyncio.Task[Completed]:
    """Let *command* run beside its connection; nobody may come to hear of its end."""
    task = asyncio.create_task(command)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


async def _breathe() -> None:
    await asyncio.sleep(0)
