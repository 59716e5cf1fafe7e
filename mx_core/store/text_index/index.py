"""The search index of an account: answers at any time, and follows the mail on its own thread.

What it does not know it says, so that a search is right while it is behind, being made anew, or
not there at all.  Nothing here is awaited by whoever stores mail.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog
from msgspec import Struct

from mx_core.db.database import Database
from mx_core.model.clock import Now
from mx_core.model.errors import Corrupt, MailError, Unavailable
from mx_core.model.ids import MessageId
from mx_core.model.secret import Secret
from mx_core.model.text_hits import TextHits
from mx_core.store.text_index import block, lookup, merging, runs, state
from mx_core.store.text_index.making.apart import MakerApart, Worker, WorkerLost
from mx_core.store.text_index.making.batch import MESSAGES_MAX
from mx_core.store.text_index.making.maker import Maker, MakerHere
from mx_core.store.text_index.pace import Pace
from mx_core.store.text_index.run_writer import RunWriter
from mx_core.store.text_index.runs import Run
from mx_core.store.text_index.source import Source

if TYPE_CHECKING:
    import sqlalchemy as sa

log = structlog.get_logger()

_RUNS_MAX: Final = 32  # of a size, while there is mail to be indexed; later they are joined
_GATHER_SECONDS: Final = 2.0  # after news, so that a burst becomes one run
_UPKEEP_SECONDS: Final = 600.0  # between two looks for what is gone
_PUT_OFF_SECONDS: Final = 30.0  # after a failure, a full disk perhaps
_APART_MESSAGES: Final = 200  # from so many on that wait, a worker takes them apart
_APART_SECONDS: Final = 10.0  # without news, after which it is ended
_ALONE_SECONDS: Final = 600.0  # without a worker, after one was lost


class _Stopping(BaseException):  # not of those that a message can cause
    """The thread is asked to end; what is half made is given up."""


class IndexState(Struct, frozen=True):
    """How far the index is, and what went wrong in it since it was opened."""

    indexed_until: MessageId  # as ``ports.TextHits`` has it
    waiting: int  # messages that are not in it yet: a search reads them instead
    faults: int
    last_fault: str  # the kind of the last one, or ""


class TextIndex:
    """See the module.  ``step`` is for the thread alone, or for a test without one."""

    def __init__(self, path: Path, key: Secret[bytes], source: Source, now: Now) -> None:
        self._path = path
        self._key = state.key_of(key)
        self._source = source
        self._now = now
        self._database: Database | None = None  # replaced by the thread alone
        self._thread: threading.Thread | None = None
        self._looked_for: Future[None] = Future()  # done once the thread has opened the file or not
        self._pace = Pace()
        self._stop = threading.Event()
        self._news = threading.Event()
        self._unfit = threading.Event()  # the file is to be made anew
        self._looked = 0.0  # monotonic: when it was last looked for what is gone
        self._worker: Worker | None = None  # replaced by the thread alone
        self._alone_until = 0.0  # monotonic
        self._all_there = False  # what was there has just been indexed
        self.indexed_until = MessageId(0)  # as ``ports.TextHits`` has it
        self._faults = 0
        self._last_fault = ""

    # ── for everybody ────────────────────────────────────────────────────────────────
    async def hits(self, term: str, *, body_only: bool) -> TextHits:
        """See ``ports.MailStore.text_hits``.

        Right after a start it waits for the file: to read all mail instead takes a thousand times as long.
        """
        if self._thread is not None and not self._looked_for.done():
            await asyncio.shield(asyncio.wrap_future(self._looked_for))
        database = self._database
        if database is None:
            return lookup.NOTHING_KNOWN
        try:
            return await database.read(
                lambda connection: lookup.find(connection, term, body_only=body_only)
            )
        except Corrupt:
            self.make_anew()
        except Unavailable:  # it is being closed
            pass
        return lookup.NOTHING_KNOWN

    async def state(self) -> IndexState:
        """Return how far it is."""
        until = self.indexed_until
        waiting = await self._source.waiting(until)
        return IndexState(until, waiting, self._faults, self._last_fault)

    def start(self) -> None:
        """Follow the mail from now on; again changes nothing."""
        if self._thread is not None:
            return
        self._thread = threading.Thread(target=self._work, name="text index", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There may be news; never blocks."""
        self._news.set()

    def step_aside(self) -> None:
        """Leave the interpreter to who asks something; never blocks."""
        self._pace.step_aside()

    def let_go(self) -> None:
        """Give up the pages that were read; they are read again."""
        database = self._database
        if database is not None:
            database.let_go()

    def make_anew(self) -> None:
        """Delete the file and index all mail again."""
        self._unfit.set()
        self._news.set()

    def close(self) -> None:
        """End the thread within a slice of its work, and close the file."""
        self._stop.set()
        self._news.set()
        if (worker := self._worker) is not None:
            worker.kill()  # the thread may be waiting for it
        if self._thread is not None:
            self._thread.join()
        self._has_looked()  # a thread that ended before it looked
        self._end_worker()
        self._close_file()

    # ── the thread ───────────────────────────────────────────────────────────────────
    def _work(self) -> None:
        while not self._stop.is_set():
            self._news.clear()
            try:
                while self.step():
                    self._breathe()
                    if self._all_there:  # what comes now is gathered, or each run is of fewer
                        self._all_there = False
                        self._stop.wait(_GATHER_SECONDS)
            except _Stopping:
                return
            except MailError as error:
                if isinstance(error, Corrupt):
                    self._unfit.set()
                self._note(error)
                log.warning("text_index_put_off", why=type(error).__name__)
                self._stop.wait(_PUT_OFF_SECONDS)
                continue
            except Exception as error:  # the one catch-all of the thread: searches go on without it
                self._note(error)
                log.exception("text_index_fault")
                self._stop.wait(_PUT_OFF_SECONDS)
                continue
            if self._worker is not None and not self._news.wait(_APART_SECONDS):
                self._end_worker()
            if self._news.wait(_UPKEEP_SECONDS):
                self._stop.wait(_GATHER_SECONDS)

    def step(self) -> bool:
        """Do one thing; return whether there may be more.

        Raises:
            MailError: Of the index's file or of the mail's; nothing that was said is wrong by it.
        """
        if self._unfit.is_set():
            self._close_file()
            state.delete(self._path)
            self._unfit.clear()
            log.warning("text_index_made_anew", why="DamagedOrAsked")
        database = self._database
        if database is None:
            try:
                database = self._database = state.open_index(self._path, self._key, self._source)
                self.indexed_until = database.read_blocking(state.indexed_until)
            finally:
                self._has_looked()
        return (
            database.write_at_start(runs.remove_some)
            or self._join(database, _RUNS_MAX)
            or self._index(database)
            or self._join(database, merging.FAN_IN)
            or self._drop_gone(database)
        )

    def _has_looked(self) -> None:
        if not self._looked_for.done():
            self._looked_for.set_result(None)

    def _index(self, database: Database) -> bool:
        """Index the next messages, if there are any."""
        ids = self._source.following(database.read_blocking(state.indexed_until), MESSAGES_MAX)
        if not ids:
            return False
        try:
            last = self._make(database, ids, self._maker(ids))
        except WorkerLost as error:
            if self._stop.is_set():
                raise _Stopping from error
            self._note(error)
            log.warning("text_index_worker_lost")
            self._end_worker()
            self._alone_until = time.monotonic() + _ALONE_SECONDS
            database.write_at_start(runs.doom_unfinished)
            return True
        self._all_there = last == ids[-1] and len(ids) < MESSAGES_MAX
        return True

    def _maker(self, ids: Sequence[MessageId]) -> Maker:
        if len(ids) < _APART_MESSAGES or time.monotonic() < self._alone_until:
            return MakerHere(ids[0], self._breathe)
        if self._worker is None:
            self._worker = Worker()
        return MakerApart(self._worker, ids[0], self._breathe)

    def _make(self, database: Database, ids: Sequence[MessageId], maker: Maker) -> MessageId:
        """Make a run of the first of *ids*; return the last one in it."""
        last = ids[-1]
        for letters in self._source.letters(ids):
            if maker.take(letters) and letters:
                last = letters[-1].message
                break
        made = maker.finish()
        for message, kind in made.faults:
            self._faults, self._last_fault = self._faults + 1, kind
            log.error("text_index_message_left_out", message=message, fault=kind)
        until = MessageId(last + 1)

        def advance(connection: sa.Connection) -> None:
            state.advance(connection, until, made.unread)

        writer = RunWriter(database, ids[0], until, int(self._now()), self._breathe)
        writer.write(maker.blocks(), made.messages, (), advance)
        self.indexed_until = until
        return last

    def _note(self, error: Exception) -> None:
        self._faults += 1
        self._last_fault = type(error).__name__

    def _join(self, database: Database, fan_in: int) -> bool:
        """Make one run of the newest ones, if *fan_in* of them are of a size."""
        those = merging.to_join(database.read_blocking(runs.whole), fan_in)
        if not those:
            return False
        self._rewrite(database, those)
        return True

    def _drop_gone(self, database: Database) -> bool:
        """Write a run anew without the messages that were swept, if it is time."""
        if time.monotonic() < self._looked + _UPKEEP_SECONDS and self._looked:
            return False
        for run in database.read_blocking(runs.whole):
            there = self._source.count(run.first_message, run.end_message)
            if merging.is_stale(run, there, self._now()):
                self._rewrite(database, [run])
                return True
        self._looked = time.monotonic()
        return False

    def _rewrite(self, database: Database, those: Sequence[Run]) -> None:
        first, end = those[0].first_message, those[-1].end_message
        there = self._source.there(first, end)
        count = sum(there)
        gone = count < sum(run.messages for run in those)
        entries = merging.joined(database, those, there if gone else None, self._breathe)
        writer = RunWriter(database, first, end, int(self._now()), self._breathe)
        blocks = block.blocks(entries, self._breathe)
        writer.write(blocks, count, those, lambda _connection: None)

    def _breathe(self) -> None:
        if self._stop.is_set():
            raise _Stopping
        self._pace()

    def _end_worker(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()

    def _close_file(self) -> None:
        database, self._database = self._database, None
        self.indexed_until = MessageId(0)
        if database is not None:
            database.close()
