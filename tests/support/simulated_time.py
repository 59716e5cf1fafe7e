"""An event loop whose hours pass in no time: its clock stands while anything is to be done.

When nothing is ready and no thread is at work, the clock jumps to the next timer.  So a wait costs nothing,
however long, and a slow machine sees what a fast one sees: work takes no time at all, and only what was asked
to come later comes later.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple, Unpack

import sqlalchemy as sa
from typing_extensions import override

from mx_core.db.database import Database

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

BEGAN = 1_790_000_000.0  # seconds since 1970


class _Jumping(selectors.DefaultSelector):
    """Waits for threads, and for nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0
        self.at_work = 0  # what threads do, and the loop will hear of

    @override
    def select(self, timeout: float | None = None) -> Any:
        if self.at_work or timeout is None:
            return super().select(None if timeout is None or timeout > 0 else 0)
        found = super().select(0)
        if not found and timeout > 0:
            self.passed += timeout
        return found


class SimulatedLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    @override
    def time(self) -> float:
        return self._jumping.passed

    def now(self) -> float:
        """Return the seconds since 1970; on any thread."""
        return BEGAN + self._jumping.passed

    @override
    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        return self._counted(super().run_in_executor(executor, func, *args))

    def count(self, begun: Coroutine[Any, Any, T]) -> Awaitable[T]:
        """Return *begun*, for which a thread is at work that this loop does not know of."""
        return self._counted(self.create_task(begun))

    def _counted(self, future: asyncio.Future[T]) -> asyncio.Future[T]:
        self._jumping.at_work += 1
        future.add_done_callback(self._done)
        return future

    def _done(self, _: object) -> None:
        self._jumping.at_work -= 1


class SimulatedDatabase(Database):
    """One whose commits take no time; what is read is read on the loop: a thread costs more."""

    @override
    async def read(self, job: Callable[[sa.Connection], T]) -> T:
        return self.glance(job)

    @override
    async def write(
        self,
        job: Callable[[sa.Connection], T],
        announce: Callable[[T], None] | None = None,
    ) -> T:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedLoop)
        return await loop.count(super().write(job, announce))


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run *work* to its end on a loop of its own."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(work)
