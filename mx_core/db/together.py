"""Things that come while a transaction runs are stored by the next one, together.

A transaction of a server costs seven messages to it and back and a commit, however little it
stores: whoever has one small thing shares them with all who came meanwhile.  One transaction runs
at a time; who comes alone waits for nobody.  Invariants: what waits is bounded; a thing that can not
be stored takes no other along.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeAlias, TypeVar

import sqlalchemy as sa

from mx_core.db.transactions import Transactions
from mx_core.model.errors import Busy, MailError

I = TypeVar("I")  # noqa: E741  # a thing that comes in
O = TypeVar("O")  # noqa: E741  # what became of it

_AT_ONCE: Final = 64  # in one transaction
_WAITING_MAX: Final = 4_096

Store: TypeAlias = Callable[[sa.Connection, Sequence[I]], Sequence[O]]


class Together(Generic[I, O]):
    """See the module.  Owner: the event loop."""

    def __init__(
        self,
        database: Transactions,
        store: Store[I, O],
        announce: Callable[[Sequence[O]], None],
        at_once: int = _AT_ONCE,
    ) -> None:
        """*store* is a job with an answer for each thing, in order; *announce* hears them all.

        *at_once*: so many things share a transaction, where each is large.
        """
        self._database = database
        self._store = store
        self._announce = announce
        self._at_once = at_once
        self._waiting: deque[tuple[I, asyncio.Future[O]]] = deque()
        self._running: asyncio.Task[None] | None = None

    async def put(self, thing: I) -> O:
        """Return what became of *thing* once that is durable.

        A caller that is cancelled before its transaction begins leaves nothing.

        Raises:
            Busy: Too many wait.
            Exception: As ``Transactions.write``; nothing of it is stored, or nobody knows.
        """
        if len(self._waiting) >= _WAITING_MAX:
            raise Busy("too many changes wait to be stored")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[O] = loop.create_future()
        self._waiting.append((thing, answer))
        if self._running is None:
            self._running = loop.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                count = min(len(self._waiting), self._at_once)
                some = [self._waiting.popleft() for _ in range(count)]
                if some := [each for each in some if not each[1].done()]:
                    await self._store_all(some)
        finally:
            self._running = None  # nothing can be put between the last look and this

    async def _store_all(self, some: Sequence[tuple[I, asyncio.Future[O]]]) -> None:
        things = [thing for thing, _ in some]
        try:
            # Crash before the commit: none of them is here, and nobody was told anything.
            # Crash after it: all are; whoever asks again is known by its own key.
            answers = await self._database.write(lambda tx: self._store(tx, things), self._announce)
        except BaseException as error:
            if isinstance(error, Exception) and not isinstance(error, MailError) and some[1:]:
                for each in some:  # it may be the fault of one
                    await self._store_all([each])
                return
            for _, answer in some:
                _fail(answer, error)
            if not isinstance(error, Exception):
                raise
            return
        for (_, answer), what in zip(some, answers, strict=True):
            if not answer.done():
                answer.set_result(what)


def _fail(answer: asyncio.Future[Any], error: BaseException) -> None:
    if answer.done():
        return
    if isinstance(error, Exception):
        answer.set_exception(error)
    else:
        answer.cancel()  # the program ends
