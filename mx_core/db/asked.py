"""Jobs of one database as they are asked for, and how what became of them is told.

Announcements run on the event loop in commit order, each before its caller goes on.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import structlog
from typing_extensions import override

from mx_core.db.committing import Step, Ticket

if TYPE_CHECKING:
    import sqlalchemy as sa

log = structlog.get_logger()

T = TypeVar("T")


class _Job(Ticket, Generic[T]):
    """A job, and what became of it."""

    def __init__(self, job: Callable[[sa.Connection], T]) -> None:
        self._job = job
        self._result: T  # of whoever runs it, then of whoever is told
        self._error: BaseException | None = None

    @override
    def run(self, connection: sa.Connection) -> None:
        self._result = self._job(connection)

    @override
    def abandoned(self) -> bool:
        return False

    @override
    def fail(self, error: BaseException) -> None:
        self._error = error

    def outcome(self) -> T:
        """Return the result; raises what the job or the commit raised."""
        if self._error is not None:
            raise self._error
        return self._result


class Lone(_Job[T]):
    """A job that is announced on *loop*, and committed before its caller goes on."""

    def __init__(
        self,
        job: Callable[[sa.Connection], T],
        announce: Callable[[T], None] | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(job)
        self._announce = announce
        self.loop = loop

    def announced(self) -> T:
        """Announce and return the result; on the loop.  Raises as ``outcome``."""
        result = self.outcome()
        try:
            if self._announce is not None:
                self._announce(result)
        except Exception as error:  # noqa: BLE001  # the change is durable; the caller must not hear no
            self.loop.call_exception_handler(
                {"message": "an announcement failed", "exception": error}
            )
        return result


class Asked(Lone[T]):
    """The same of the writer's thread: its caller awaits meanwhile."""

    def __init__(
        self,
        job: Callable[[sa.Connection], T],
        announce: Callable[[T], None] | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(job, announce, loop)
        self.future: asyncio.Future[T] = loop.create_future()

    @override
    def abandoned(self) -> bool:
        return self.future.cancelled()

    def settle(self) -> None:
        """Announce and resume the caller; on the loop."""
        try:
            result = self.announced()
        except BaseException as error:  # noqa: BLE001  # the caller's
            if not self.future.done():
                self.future.set_exception(error)
        else:
            if not self.future.done():
                self.future.set_result(result)


class AskedAtStart(_Job[T]):
    """A job whose caller blocks, before any loop runs, or does not wait."""

    loop = None

    def __init__(self, job: Callable[[sa.Connection], T]) -> None:
        super().__init__(job)
        self.future: concurrent.futures.Future[T] = concurrent.futures.Future()

    def settle(self) -> None:
        """Resume the caller."""
        try:
            self.future.set_result(self.outcome())
        except BaseException as error:  # noqa: BLE001  # the caller's
            self.future.set_exception(error)


class AtLeisure(Step):
    """A job for whom nobody waits."""

    def __init__(self, job: Callable[[sa.Connection], bool]) -> None:
        self._job = job
        self.more = False

    @override
    def run(self, connection: sa.Connection) -> None:
        self.more = self._job(connection)

    @override
    def abandoned(self) -> bool:
        return False

    @override
    def fail(self, error: BaseException) -> None:
        self.more = False
        log.error("work_at_leisure_failed", error=type(error).__name__)


def settle(tickets: Sequence[Any], settled: Callable[[int], None]) -> None:
    """Hand final outcomes to their loops, in order; one wake-up for each run of one loop."""
    start = 0
    for end in range(1, len(tickets) + 1):
        if end < len(tickets) and tickets[end].loop is tickets[start].loop:
            continue
        run, loop = tickets[start:end], tickets[start].loop
        start = end
        if loop is None:
            _settle_here(run, settled)
        else:
            try:
                loop.call_soon_threadsafe(_settle_here, run, settled)
            except RuntimeError:  # the loop is closed: nobody waits any more
                settled(len(run))


def _settle_here(
    tickets: Sequence[Asked[Any] | AskedAtStart[Any]], settled: Callable[[int], None]
) -> None:
    for ticket in tickets:
        ticket.settle()
    settled(len(tickets))
