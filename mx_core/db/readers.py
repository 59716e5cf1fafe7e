"""Reading connections: as many as jobs run at once on a small pool of threads, and one for whoever may not wait.

Each job is one transaction, so one snapshot of the database however often it asks; what asks once needs
none.  A job is given
the connection that was used last, whichever thread runs it: its statements are prepared and its pages
deciphered already, and who reads one thing after the other never waits until another is opened.

Jobs that follow each other run on one thread, each at once when the last is done.  A thread that is woken
waits for the interpreter, which whoever has just been handed the last job's result holds.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from msgspec import Struct, field
from typing_extensions import override

from mx_core.db.failure import translate
from mx_core.db.link import Link, Links
from mx_core.model.errors import Unavailable

if TYPE_CHECKING:
    import sqlalchemy as sa

T = TypeVar("T")
_ON_LOOP: Final = 1  # connections beside those of the threads


def _nothing() -> None:
    """All that is durable can be seen."""


class _Open(Struct):
    link: Link
    cursor: Any  # of `row`, which asks again and again
    busy: threading.Lock = field(default_factory=threading.Lock)  # held while it is used


class _Reading(asyncio.Future[T]):
    """A job, and what it came to."""

    def __init__(self, job: Callable[[sa.Connection], T]) -> None:
        self.loop = asyncio.get_running_loop()
        super().__init__(loop=self.loop)
        self.job = job
        self.behind: _Reading[Any] | None = None  # under Readers._order: to run next on this thread
        self.over = False  # under Readers._order: nothing more is put behind it

    @override
    def cancel(self, msg: object = None) -> bool:
        """Nobody waits any more, not even to hear of a failure."""
        if self.done() and not self.cancelled():
            self.exception()
        return super().cancel(msg)

    def settle(self, result: T | None, error: BaseException | None) -> None:
        """Resume who waits; on the loop."""
        if self.done():
            return
        if error is not None:
            self.set_exception(error)
        else:
            self.set_result(cast("T", result))


class Readers:
    """Owns the connections of *links*, at most ``connections_of(threads)``."""

    def __init__(
        self, links: Links, threads: int, name: str, before: Callable[[], None] = _nothing
    ) -> None:
        """*before* is called where a transaction is about to begin."""
        self._links = links
        self._before = before
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=f"read {name}")
        self._opened: list[_Open] = []  # appended by threads, closed at the end
        self._free: list[_Open] = []  # of these, those that no thread uses; the last is taken first
        self._here: _Open | None = None  # the connection of `glance` and `row`
        self._glancing = threading.Lock()
        self._order = threading.Lock()
        self._closed = False
        # A connection takes 10 ms to open: not while somebody waits.  If it fails, so does the
        # first job, which tells.
        self._threads.submit(self._read, lambda _connection: None)

    def begin(self, job: Callable[[sa.Connection], T], after: object = None) -> asyncio.Future[T]:
        """Run *job* on a thread: that of the job begun before as *after*, if that is not over, right behind it."""
        reading = _Reading(job)
        if isinstance(after, _Reading):
            with self._order:
                if not after.over and after.behind is None:
                    after.behind = reading
                    return reading
        try:
            self._threads.submit(self._work, reading)
        except RuntimeError as error:  # the pool of threads was shut down
            raise Unavailable("the store is closed") from error
        return reading

    def read_blocking(self, job: Callable[[sa.Connection], T]) -> T:
        """Run *job* on a thread, for a caller that is another; blocks until it is done."""
        try:
            reading = self._threads.submit(self._read, job)
        except RuntimeError as error:
            raise Unavailable("the store is closed") from error
        return reading.result()

    def glance(self, job: Callable[[sa.Connection], T]) -> T:
        """Run *job*, which reads a few rows, at once on the caller's thread."""
        with self._glancing:
            opened = self._at_hand()
            return self._run(opened, job)

    def row(self, statement: str, parameters: Sequence[Any]) -> Any:
        """Return the first row that *statement* finds, at once on the caller's thread; None if there is none.

        No transaction is begun for it: one statement reads one snapshot as it is.
        """
        with self._glancing:
            opened = self._here or self._at_hand()
            # As ``_run``, without its calls: of the 40 µs of a lone message each takes half a one.
            try:
                self._before()
                with opened.busy:
                    opened.cursor.execute(statement, parameters)
                    # to its end: a statement that has not ended keeps its snapshot
                    rows = opened.cursor.fetchall()
                    return rows[0] if rows else None
            except BaseException as error:
                _tell(error)
                raise

    def let_go(self) -> None:
        """Give up the pages that were read; a connection that runs a job keeps its own."""
        for each in tuple(self._opened):
            if each.busy.acquire(blocking=False):
                try:
                    if not self._closed:
                        each.link.driver.execute("PRAGMA shrink_memory")
                finally:
                    each.busy.release()

    def close(self) -> None:
        """Wait for the jobs that run, then close every connection."""
        self._threads.shutdown(wait=True)
        with self._glancing:
            self._closed, self._here = True, None
            for each in self._opened:
                with each.busy:
                    each.link.close()
        self._links.close()

    def _work(self, first: _Reading[Any]) -> None:
        reading: _Reading[Any] | None = first
        while reading is not None:
            if not reading.cancelled():  # nobody waits any more
                self._settle(reading)
            with self._order:
                reading.over = True
                # The pool holds the first job until the last is done, and must hold no other through it:
                # a mailbox that is read in one go would stay in memory until all of it is sent.
                following, reading.behind = reading.behind, None
            reading = following

    def _settle(self, reading: _Reading[Any]) -> None:
        result, failure = None, None
        try:
            result = self._read(reading.job)
        except BaseException as error:  # noqa: BLE001  # whatever it is, who waits must hear it
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it who waited
            reading.loop.call_soon_threadsafe(reading.settle, result, failure)

    def _read(self, job: Callable[[sa.Connection], T]) -> T:
        try:
            opened = self._free.pop()
        except IndexError:
            opened = self._connect()
        try:
            return self._run(opened, job)
        finally:
            self._free.append(opened)

    def _at_hand(self) -> _Open:
        """Return the connection for what is read at once; under ``_glancing``."""
        if self._closed:
            raise Unavailable("the store is closed")
        if self._here is None:
            self._here = self._connect()
        return self._here

    def _connect(self) -> _Open:
        try:
            link = self._links.open()
            opened = _Open(link, link.driver.cursor())
        except BaseException as error:
            _tell(error)
            raise
        self._opened.append(opened)
        return opened

    def _run(self, opened: _Open, job: Callable[[sa.Connection], T]) -> T:
        try:
            self._before()
            with opened.busy:
                return opened.link.run(job)
        except BaseException as error:
            _tell(error)
            raise


def _tell(error: BaseException) -> None:
    """Raise what *error* means, unless it says so itself."""
    failure = translate(error, writing=False)
    if failure is not error:
        raise failure from error


def connections_of(threads: int) -> int:
    """Return how many connections so many threads and `Readers.glance` need."""
    return threads + _ON_LOOP
