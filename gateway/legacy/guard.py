"""aioimaplib behind a guard: no octet reaches it that was not counted, framed and judged before.

The library connects, names commands by tags, queues and sends them, logs in and idles.  It
believes a server: it keeps each literal and line until the command ends, goes through all of them
again at every FETCH, calls itself once for each line, and waits on when the connection is gone.
So what a server says goes to our own bounded reader, from there to whoever asked, and the
library is shown only what moves it: that a command is over, and that IDLE has begun.
docs/decisions/0012.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Final, final

from aioimaplib.aioimaplib import (
    AUTH,
    NONAUTH,
    SELECTED,
    Cmd,
    Command,
    Commands,
    Exec,
    IMAP4ClientProtocol,
)
from msgspec import Struct
from typing_extensions import override

from gateway.legacy.answers import Answer, AnswerReader, BadAnswer, Data, GoOn, Status, shown
from mx_core.model.errors import PeerUnreachable

LITERAL_OCTETS: Final = 64 * 1024
ANSWERS_MAX: Final = 10_000
_LINE_OCTETS: Final = 300  # each answer has at least a short line beside its literal
_SPARE_OCTETS: Final = 64 * 1024
_FIRST: Final = asyncio.FIRST_COMPLETED

# below this level it writes what it sends, a password with a quotation mark as well
logging.getLogger("aioimaplib").setLevel(logging.WARNING)

# RFC 5465, which it does not know
Commands.setdefault("NOTIFY", Cmd("NOTIFY", (AUTH, SELECTED), Exec.is_sync))

_Call = Coroutine[Any, Any, Any]
_End = asyncio.Future[Status | None]  # None: it never came, and _error says why


class Expected(Struct, frozen=True):
    """What a command may be answered with, and who takes it.

    *octets* bounds the literals of one answer, and with *answers* the whole; each time that the
    server says ``+``, one of *replies* is sent.
    """

    octets: int = LITERAL_OCTETS
    answers: int = ANSWERS_MAX
    take: Callable[[Data], None] = lambda _data: None
    told: Callable[[Status], None] = lambda _status: None
    replies: tuple[bytes, ...] = ()


_GREETING: Final = Expected(0, 100)


@final
class Guard(IMAP4ClientProtocol):  # type: ignore[misc]  # untyped in aioimaplib
    """One connection; one command at a time."""

    def __init__(self, name: str) -> None:
        """*name* is what sentences call the server."""
        loop = asyncio.get_running_loop()
        super().__init__(loop)
        self.between = Expected()  # commands: a server may tell what is new
        self._name = name
        self._reader = AnswerReader()
        self._error: Exception | None = None
        self._gone = asyncio.Event()
        self._heard = 0  # octets, ever
        self._end: _End = loop.create_future()
        self._greeted = False
        self._replies: list[bytes] = []
        self._expect(_GREETING)

    # ── whoever asks ────────────────────────────────────────────────────────────────
    async def greeting(self) -> Status:
        """Return OK or PREAUTH, which a server says first; raises PeerUnreachable."""
        return self._said(await self._end)

    async def run(self, call: _Call, expected: Expected, silence: float) -> Status:
        """Run *call*, a command of the library, and return what the server says at its end.

        Raises:
            PeerUnreachable: The connection is of no more use.
            TimeoutError: No octet came for *silence* seconds; the connection is ended.
        """
        async with self._running(call, expected) as (end, running):
            while not (end.done() or running.done()):
                before = self._heard
                await asyncio.wait({end, running}, timeout=silence, return_when=_FIRST)
                if self._heard == before and not (end.done() or running.done()):
                    raise TimeoutError
            return await self._ended(end, running)

    async def run_idle(
        self, seconds: float, expected: Expected, limit: float, called: asyncio.Event | None = None
    ) -> Status:
        """IDLE until something is told or *called*, or for *seconds*.

        It begins and ends within *limit* each.

        Raises:
            PeerUnreachable: As ``run``; also when the server goes while one waits.
            TimeoutError: As ``run``.
        """
        woken = called or asyncio.Event()

        def take(data: Data) -> None:
            expected.take(data)
            woken.set()

        waking = Expected(expected.octets, expected.answers, take, expected.told)
        async with self._running(self.idle(), waking) as (end, running):
            async with asyncio.timeout(limit):
                await _either(end, self.wait_for_idle_response())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):  # silence is what one waits through
                    await _either(end, woken.wait())
            async with asyncio.timeout(limit):
                if not end.done():
                    self.idle_done()
                return await self._ended(end, running)

    async def command(self, words: str) -> None:
        """Send ``[UID] NAME arguments``; for ``run``."""
        first, _, rest = words.partition(" ")
        prefix = first if first == "UID" else None
        name, _, arguments = (rest if prefix else words).partition(" ")
        given = (arguments,) if arguments else ()
        # not FetchCommand and its kind: they look for their data, which is not shown to them
        await self.execute(Command(name, self.new_tag(), *given, prefix=prefix, loop=self.loop))

    def is_in(self, capabilities: frozenset[str]) -> None:
        """Take note that the server knows who asks, and what it can do.

        From here the server judges what may be asked when: to the library EXAMINE does not
        open a mailbox, and IDLE needs one.  RFC 9051 §6.3.3, §6.3.13.
        """
        self.capabilities = set(capabilities)
        self.state = SELECTED

    async def gone(self) -> None:
        """End the connection at once; return when the transport has."""
        self._stop(PeerUnreachable(f"the connection to {self._name} is closed"))
        await self._gone.wait()

    # ── whoever answers ─────────────────────────────────────────────────────────────
    @override
    def data_received(self, d: bytes) -> None:
        """Count, frame and hand on.  Not one octet of *d* goes to the library as it is."""
        if self._is_over():
            return
        self._heard += len(d)
        try:
            self._read(d)
        except BadAnswer as error:
            self._stop(BadAnswer(f"{self._name} {error}"))
        except Exception as error:  # noqa: BLE001  # of whoever takes: raised where it was asked
            self._stop(error)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        how = f"{self._name} closed the connection"
        self._stop(PeerUnreachable(f"the connection to {self._name} broke" if exc else how))
        self._gone.set()

    def _read(self, octets: bytes) -> None:
        self._octets -= len(octets)
        if self._octets < 0:
            raise BadAnswer("sends more than was asked for")
        self._reader.feed(octets)
        while (answer := self._reader.next()) is not None and not self._is_over():
            self._take(answer)

    def _take(self, answer: Answer) -> None:
        self._answers -= 1
        if self._answers < 0:
            raise BadAnswer("sends more answers than there can be")
        if not self._greeted:
            self._greet(answer)
        elif isinstance(answer, Data):
            self._expected.take(answer)
        elif isinstance(answer, GoOn):
            self._go_on()
        elif answer.tag != b"*":
            self._finish(answer)
        elif answer.word == "BYE":
            said = shown(answer.text)
            self._stop(PeerUnreachable(f"{self._name} ended the connection: {said}"))
        else:
            self._expected.told(answer)

    def _greet(self, answer: Answer) -> None:
        if not isinstance(answer, Status) or answer.word not in {"OK", "PREAUTH"}:
            raise BadAnswer("does not greet as an IMAP server does")
        self._greeted = True
        self.state = AUTH if answer.word == "PREAUTH" else NONAUTH
        self._expect(self.between)
        self._end.set_result(answer)

    def _go_on(self) -> None:
        if self._replies:
            self.transport.write(self._replies.pop(0) + b"\r\n")
        elif self.has_pending_idle_command():
            super().data_received(b"+\r\n")

    def _finish(self, status: Status) -> None:
        waiting = (self.pending_sync_command, *self.pending_async_commands.values())
        tags = {command.tag.encode() for command in waiting if command is not None}
        if status.tag not in tags or status.word not in {"OK", "NO", "BAD"} or self._end.done():
            raise BadAnswer("answers what was not asked")
        self._expect(self.between)
        self._end.set_result(status)
        super().data_received(status.tag + b" " + status.word.encode() + b"\r\n")

    # ── one command ─────────────────────────────────────────────────────────────────
    def _expect(self, expected: Expected) -> None:
        self._expected = expected
        self._replies = list(expected.replies)
        self._answers = expected.answers
        self._octets = expected.octets * 2 + expected.answers * _LINE_OCTETS + _SPARE_OCTETS
        self._reader.literal_octets_max = expected.octets

    @contextlib.asynccontextmanager
    async def _running(
        self, call: _Call, expected: Expected
    ) -> AsyncIterator[tuple[_End, asyncio.Future[Any]]]:
        """Whoever leaves before the command has ended ends the connection: no answer is late."""
        if self._error is not None:
            call.close()
            raise self._error
        self._expect(expected)
        self._end = self.loop.create_future()
        running = asyncio.ensure_future(call)
        try:
            yield self._end, running
        except BaseException:
            self._stop(PeerUnreachable(f"the connection to {self._name} was given up"))
            raise
        finally:
            running.cancel()

    async def _ended(self, end: _End, running: asyncio.Future[Any]) -> Status:
        await asyncio.wait({end, running}, return_when=_FIRST)
        if not end.done():
            await running  # raises: it was not sent
        status = self._said(await end)
        await running
        return status

    def _said(self, status: Status | None) -> Status:
        if status is None:
            raise self._error or PeerUnreachable(f"{self._name} closed the connection")
        return status

    def _is_over(self) -> bool:
        return self._error is not None

    def _stop(self, error: Exception) -> None:
        """End all waiting with *error*, unless it has ended with another, and the connection."""
        if self._error is None:
            self._error = error
        if not self._end.done():
            self._end.set_result(None)
        if self.transport is not None:
            # a farewell in TLS would read on for half a minute while the server sends
            self.transport.abort()


async def _either(end: _End, other: _Call) -> None:
    waiting = asyncio.ensure_future(other)
    try:
        await asyncio.wait({end, waiting}, return_when=_FIRST)
    finally:
        waiting.cancel()
