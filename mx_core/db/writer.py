"""The one thread that changes a database: group commit, savepoints, and when its log is moved.

Jobs that wait at the same time share one transaction and so one fsync; each but the first runs in
a SAVEPOINT of its own, so one that fails undoes only itself.  A job's caller hears of success only after
the commit.  The log is moved into the database here alone, when idle or when it has grown too far.
A lone change, while nothing else is given or done, is made durable on the thread that asks for it, in the
thread's stead: to wake it and be woken by it takes a third of such a change (ADR 0058).  Where there is a redo
log, its transaction stays open (``redo.transaction``), and is committed before anything else is done.

Invariant: jobs commit in the order in which they were given, and are announced in that order.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mx_core.db import log_file
from mx_core.db.committing import Committing, Step, Ticket, nothing
from mx_core.db.link import Link
from mx_core.db.log_file import LogFile
from mx_core.db.lone import LoneChanges
from mx_core.db.redo.transaction import Redo
from mx_core.model.errors import Busy, Corrupt, DiskFull, StoreDamaged, Unavailable

_JOBS_PER_COMMIT: Final = 256
_SECONDS_PER_COMMIT: Final = 0.05  # of work before a commit; bounds how long the first job waits
_WAITING_MAX: Final = 4_096
_IDLE_SECONDS: Final = 0.5  # without anything to do, before the log is moved
_SOONER: Final = 5  # what is done at leisure begins after a fifth of it
_PAUSE_SECONDS: Final = 0.005  # between two steps of what is done at leisure


@dataclass(frozen=True, slots=True)
class _Begin:
    """Do such steps at leisure from now on."""

    step: Callable[[], Step]


@dataclass(frozen=True, slots=True)
class _Truncate:
    """Empty the write-ahead log, so that what was deleted is gone from it too."""

    ticket: Ticket


@dataclass(frozen=True, slots=True)
class _LookUp:
    """A lone change was committed: rest in a while, or move the log now."""


@dataclass(frozen=True, slots=True)
class _Close:
    """End the thread."""


_Item = Ticket | _Begin | _Truncate | _LookUp | _Close
# given tickets whose outcome is final, in commit order; calls the other with how many, once each of
# them has been told and announced
Settle = Callable[[Sequence[Any], Callable[[int], None]], None]


class Writer:
    """Owns the writing connection and its thread."""

    def __init__(self, link: Link, path: Path, settle: Settle, redo: Redo | None = None) -> None:
        self._link = link
        self._raw = link.driver
        self._log = LogFile(self._raw, path)
        self._committing = Committing(link, self._log.path, self._consider)
        self._lone = LoneChanges(link, self._committing, self._log, self._consider, redo)
        self._settle = settle
        self._turn = threading.Lock()  # held by whoever uses the connection
        self._intake: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._held: _Item | None = None  # writer thread: taken from the intake, not yet begun
        self._state = threading.Lock()  # orders submit() against close()
        self._refusal: Exception | None = None  # under _state: why nothing is taken any more
        self._unsettled = 0  # under _state: given, and not yet done and announced
        # under _turn, but for the writer's looks at how long it may sleep
        self._dirty = False  # committed since the last checkpoint
        self._keeps_more = False  # the log at rest, for somebody reads it
        self._leisure: Callable[[], Step] | None = None
        self._owing = False  # there may be something to do at leisure
        self._pausing = False  # between two steps of it
        # What a killed process left in the log goes into the database, and the log is emptied:
        # a key that was deleted just before must not live on in it.
        self._log.move("TRUNCATE")
        self._thread = threading.Thread(target=self._work, name=f"write {path.name}", daemon=True)
        self._thread.start()

    def submit(self, ticket: Ticket) -> None:
        """Queue a job.

        Raises:
            Busy: Too many wait already.  Unavailable: Closed.  Corrupt: Intake has stopped.
        """
        self._take(ticket)

    def do_lone(self, ticket: Ticket) -> bool:
        """Run *ticket* and commit it on this thread; False: nothing was done, for others are at work.

        For a short job of a caller that nobody waits beside; its outcome is to be announced at once.
        Whatever the disk takes, the thread waits: one that took long is the last for a while.
        Crash: as in ``Committing.together`` and ``OpenTransaction.run``.
        """
        with self._state:
            if self._refusal is not None or self._unsettled or not self._lone.allowed:
                return False
            if not self._turn.acquire(blocking=False):
                return False
        try:
            if not self._lone.make(ticket):
                return False
            looks_up = not self._dirty or self._lone.has_due
            self._committed()
        finally:
            self._turn.release()
        if looks_up:
            with self._state:
                self._unsettled += 1  # or the thread might wait for its turn for ever
                self._intake.put(_LookUp())
        return True

    def let_see(self) -> None:
        """See to it that a transaction that begins after this sees all that was told of.  On any thread.

        Raises:
            MailError: What is not committed can not be; it is not lost.
        """
        failure = self._lone.settle()
        if failure is not None:
            raise failure

    def submit_truncate(self, ticket: Ticket) -> None:
        """Queue a truncation of the log, after which *ticket* runs."""
        self._take(_Truncate(ticket))

    def do_at_leisure(self, step: Callable[[], Step]) -> None:
        """Do such steps whenever there was nothing to do for a while, until one tells of no more."""
        self._take(_Begin(step))

    def close(self) -> None:
        """Finish what waits, checkpoint, and end the thread."""
        with self._state:
            if self._refusal is None:
                self._refusal = Unavailable("the store is closed")
            self._intake.put(_Close())
        self._thread.join()
        self._lone.close()
        self._log.close()
        self._link.close()

    def _take(self, item: _Item) -> None:
        with self._state:
            if self._refusal is not None:
                raise self._refusal
            if self._intake.qsize() >= _WAITING_MAX:
                raise Busy("too many changes wait to be stored")
            self._unsettled += 1
            self._intake.put(item)

    def _settled(self, count: int) -> None:
        with self._state:
            self._unsettled -= count

    # ── the thread ───────────────────────────────────────────────────────────────────
    def _work(self) -> None:
        try:
            self._serve()
        except BaseException:  # a bug of ours; without this, everybody would wait for ever
            self._consider(StoreDamaged("the writer stopped for an unknown reason"))
            while not self._intake.empty():
                item = self._intake.get_nowait()
                if not isinstance(item, _Begin | _LookUp | _Close):
                    ticket = item.ticket if isinstance(item, _Truncate) else item
                    ticket.fail(StoreDamaged("the writer stopped for an unknown reason"))
                    self._settle([ticket], self._settled)
            raise

    def _serve(self) -> None:
        while True:
            item = self._next()
            with self._turn:
                failure = self._lone.settle()
                if isinstance(item, _Close):
                    self._end(failure)
                    return
                if failure is None:
                    self._do(item)
                else:
                    self._decline(item, failure)

    def _end(self, failure: BaseException | None) -> None:
        """Move the log for the last time; *failure*: what is open stays in the redo log, for the next open."""
        if failure is None:
            self._lone.wipe()
        self._log.move("TRUNCATE")

    def _decline(self, item: _Item | None, failure: BaseException) -> None:
        """Do nothing of *item*: what was made before can not be committed, and comes first."""
        if isinstance(item, _Begin | _LookUp):
            self._do(item)
        elif item is not None and not isinstance(item, _Close):
            ticket = item.ticket if isinstance(item, _Truncate) else item
            ticket.fail(failure)
            self._settle([ticket], self._settled)

    def _do(self, item: _Item | None) -> None:
        if item is None:
            self._rest()
        elif isinstance(item, _Truncate):
            self._truncate(item.ticket)
        elif isinstance(item, _Begin):
            self._leisure, self._dirty, self._owing = item.step, True, True
            self._settled(1)
        elif isinstance(item, _LookUp):
            self._log.after_commit()
            self._settled(1)
        elif not isinstance(item, _Close):
            self._batch(item)

    def _next(self) -> _Item | None:
        """Return what to do next, or None when nothing came for a while after a commit."""
        if self._held is not None:
            held, self._held = self._held, None
            return held
        while True:
            patience = self._patience_for_more()
            try:
                return self._intake.get(timeout=patience)
            except queue.Empty:
                if patience is not None and time.monotonic() >= self._lone.at + patience:
                    return None

    def _patience_for_more(self) -> float | None:
        """Return after how many seconds without anything to do `_rest` is called; None: never."""
        if self._pausing:
            return _PAUSE_SECONDS
        if self._owing:
            return _IDLE_SECONDS / _SOONER
        return _IDLE_SECONDS if self._dirty or self._keeps_more else None

    def _rest(self) -> None:
        """Do a step of what is done at leisure; if there is none, move the log into the database.

        The next commit begins at its start; what it takes of the disk beyond ``KEPT_OCTETS`` it gives back.
        """
        if self._owing and self._leisure is not None:
            step = self._leisure()
            self._commit(step)
            self._owing = self._pausing = step.more
            return
        self._owing = False
        self._lone.wipe()
        self._log.move("PASSIVE")
        self._keeps_more = self._log.octets() > log_file.KEPT_OCTETS
        if self._keeps_more:
            # whoever reads is not waited for: it is tried again in a while
            with self._patience(0):
                self._keeps_more = isinstance(self._log.move("TRUNCATE"), Busy)
        self._dirty = False

    @contextlib.contextmanager
    def _patience(self, milliseconds: int) -> Iterator[None]:
        """Wait so long for locks meanwhile."""
        [before] = self._raw.execute("PRAGMA busy_timeout").fetchone()
        self._raw.execute(f"PRAGMA busy_timeout = {milliseconds}")
        try:
            yield
        finally:
            self._raw.execute(f"PRAGMA busy_timeout = {before}")

    def _truncate(self, ticket: Ticket) -> None:
        self._lone.wipe()
        failure = self._log.move("TRUNCATE")
        if failure is None:
            ticket.run(self._link.given)
        else:
            ticket.fail(failure)
        self._settle([ticket], self._settled)

    def _batch(self, first: Ticket) -> None:
        """Run *first* and what waits behind it in one transaction, then tell everybody."""
        ends = time.monotonic() + _SECONDS_PER_COMMIT
        tickets = [first]

        def following() -> Ticket | None:
            if len(tickets) >= _JOBS_PER_COMMIT or time.monotonic() > ends:
                return None
            try:
                item = self._intake.get_nowait()
            except queue.Empty:
                return None
            if isinstance(item, _Begin | _LookUp | _Close | _Truncate):
                self._held = item  # comes after this commit
                return None
            tickets.append(item)
            return item

        self._commit(first, following)
        self._settle(tickets, self._settled)
        self._committed()
        self._log.after_commit()

    def _committed(self) -> None:
        self._dirty = True
        # what comes now may come again at once: the next step waits as the first one did
        self._owing, self._pausing = self._leisure is not None, False

    def _commit(self, first: Ticket, following: Callable[[], Ticket | None] = nothing) -> None:
        if isinstance(self._refusal, Corrupt):
            first.fail(self._refusal)
        else:
            self._committing.together(first, following)

    def _consider(self, failure: BaseException) -> None:
        """Stop the intake unless the next job may well succeed (the disk has room again)."""
        if isinstance(failure, DiskFull | Busy):
            return
        refusal = (
            failure
            if isinstance(failure, Corrupt)
            else StoreDamaged("a commit failed for an unknown reason; nothing more is taken")
        )
        with self._state:
            self._refusal = refusal
