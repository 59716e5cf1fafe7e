"""The one thread that changes a database: group commit, savepoints, and when its log is moved.

Jobs that wait at the same time share one transaction and so one fsync; each but the first runs in
a SAVEPOINT of its own, so one that fails undoes only itself.  A job's caller hears of success only after
the commit.  The log is moved into the database here alone, when idle or when it has grown too far.

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
from typing import TYPE_CHECKING, Any, Final, Protocol

from mx_core.db import log_file
from mx_core.db.failure import translate, translate_commit
from mx_core.db.link import Link
from mx_core.db.log_file import LogFile
from mx_core.model.errors import Busy, Corrupt, DiskFull, StoreDamaged, Unavailable

if TYPE_CHECKING:
    import sqlalchemy as sa

_JOBS_PER_COMMIT: Final = 256
_SECONDS_PER_COMMIT: Final = 0.05  # of work before a commit; bounds how long the first job waits
_WAITING_MAX: Final = 4_096
_IDLE_SECONDS: Final = 0.5  # without anything to do, before the log is moved
_SOONER: Final = 5  # what is done at leisure begins after a fifth of it
_PAUSE_SECONDS: Final = 0.005  # between two steps of what is done at leisure


class Ticket(Protocol):
    """One job on its way through the writer.  Methods are called on the writer's thread."""

    def run(self, connection: sa.Connection) -> None:
        """Do the work and keep the result; raises what the job raises."""

    def abandoned(self) -> bool:
        """Tell whether nobody waits any more; such a job is not begun."""

    def fail(self, error: BaseException) -> None:
        """Keep *error* as the outcome: nothing of this job is durable."""


class Step(Ticket, Protocol):
    """A job that nobody waits for."""

    @property
    def more(self) -> bool:
        """Tell whether, once it ran, there is another step."""


@dataclass(frozen=True, slots=True)
class _Begin:
    """Do such steps at leisure from now on."""

    step: Callable[[], Step]


@dataclass(frozen=True, slots=True)
class _Truncate:
    """Empty the write-ahead log, so that what was deleted is gone from it too."""

    ticket: Ticket


@dataclass(frozen=True, slots=True)
class _Close:
    """End the thread."""


_Item = Ticket | _Begin | _Truncate | _Close
Settle = Callable[[Sequence[Any]], None]  # told of tickets whose outcome is final, in commit order


class Writer:
    """Owns the writing connection and its thread."""

    def __init__(self, link: Link, path: Path, settle: Settle) -> None:
        self._link = link
        self._raw = link.driver
        self._given = link.given  # what jobs see
        self._log = LogFile(self._raw, path)
        self._settle = settle
        self._intake: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        self._held: _Item | None = None  # writer thread: taken from the intake, not yet begun
        self._state = threading.Lock()  # orders submit() against close()
        self._refusal: Exception | None = None  # under _state: why nothing is taken any more
        self._dirty = False  # writer thread: committed since the last checkpoint
        self._leisure: Callable[[], Step] | None = None  # writer thread
        self._owing = False  # writer thread: there may be something to do at leisure
        self._pausing = False  # writer thread: between two steps of it
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
        self._log.close()
        self._link.close()

    def _take(self, item: _Item) -> None:
        with self._state:
            if self._refusal is not None:
                raise self._refusal
            if self._intake.qsize() >= _WAITING_MAX:
                raise Busy("too many changes wait to be stored")
            self._intake.put(item)

    # ── the thread ───────────────────────────────────────────────────────────────────
    def _work(self) -> None:
        try:
            self._serve()
        except BaseException:  # a bug of ours; without this, everybody would wait for ever
            self._consider(StoreDamaged("the writer stopped for an unknown reason"))
            while not self._intake.empty():
                item = self._intake.get_nowait()
                if not isinstance(item, _Begin | _Close):
                    ticket = item.ticket if isinstance(item, _Truncate) else item
                    ticket.fail(StoreDamaged("the writer stopped for an unknown reason"))
                    self._settle([ticket])
            raise

    def _serve(self) -> None:
        while True:
            item = self._next()
            if item is None:
                self._rest()
            elif isinstance(item, _Close):
                self._log.move("TRUNCATE")
                return
            elif isinstance(item, _Truncate):
                self._truncate(item.ticket)
            elif isinstance(item, _Begin):
                self._leisure, self._dirty, self._owing = item.step, True, True
            else:
                self._batch(item)

    def _next(self) -> _Item | None:
        """Return what to do next, or None when nothing came for a while after a commit."""
        if self._held is not None:
            held, self._held = self._held, None
            return held
        try:
            return self._intake.get(timeout=self._patience_for_more())
        except queue.Empty:
            return None

    def _patience_for_more(self) -> float | None:
        """Return after how many seconds without anything to do `_rest` is called; None: never."""
        if self._pausing:
            return _PAUSE_SECONDS
        if self._owing:
            return _IDLE_SECONDS / _SOONER
        return _IDLE_SECONDS if self._dirty else None

    def _rest(self) -> None:
        """Do a step of what is done at leisure; if there is none, move the log into the database.

        The next commit begins at its start; what it takes of the disk beyond a round it gives back.
        """
        if self._owing and self._leisure is not None:
            step = self._leisure()
            self._commit_together(step, lambda: None)
            self._owing = self._pausing = step.more
            return
        self._owing = False
        self._log.move("PASSIVE")
        if self._log.octets() > log_file.KEPT_OCTETS:
            # whoever reads is not waited for: it is tried again when next there is nothing to do
            with self._patience(0):
                self._log.move("TRUNCATE")
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
        failure = self._log.move("TRUNCATE")
        if failure is None:
            ticket.run(self._given)
        else:
            ticket.fail(failure)
        self._settle([ticket])

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
            if isinstance(item, _Begin | _Close | _Truncate):
                self._held = item  # comes after this commit
                return None
            tickets.append(item)
            return item

        self._commit_together(first, following)
        self._settle(tickets)
        self._dirty = True
        # what comes now may come again at once: the next step waits as the first one did
        self._owing, self._pausing = self._leisure is not None, False
        self._log.after_commit()

    def _commit_together(self, first: Ticket, following: Callable[[], Ticket | None]) -> None:
        """Run the tickets and commit; each ends with a durable result or with an error.

        Crash before the commit: nothing of the batch exists, and no caller was told it does.
        Crash after it: everything exists; callers that were not told yet may ask again,
        which is why jobs with an outside cause carry their own key (a msg_id, a queue id).
        """
        if isinstance(self._refusal, Corrupt):
            first.fail(self._refusal)
            return
        pending: list[Ticket] = []
        ticket: Ticket | None = first
        try:
            with self._link.transaction():
                while ticket is not None:
                    pending.append(ticket)
                    if not self._run_one(ticket, alone=len(pending) == 1):
                        pending.pop()
                    ticket = following()
        except BaseException as error:  # noqa: BLE001  # whatever it is, every caller must hear it
            failure = translate_commit(error, self._log.path)
            for waiting in pending or [first]:
                waiting.fail(failure)
            self._consider(failure)
            if self._raw.in_transaction:
                self._raw.execute("ROLLBACK")

    def _run_one(self, ticket: Ticket, *, alone: bool) -> bool:
        """Run one ticket; return whether it has something to commit.

        *alone*: nothing else is in the transaction, which then is all that has to be undone.  A
        savepoint copies each page before it is changed, and most commits have one job.

        Raises:
            Exception: The whole transaction is gone (SQLite rolls it back by itself when it
                meets a full disk or an unreadable page).
        """
        if ticket.abandoned():
            ticket.fail(Unavailable("nobody waits for this any more"))
            return False
        if not alone:
            self._raw.execute("SAVEPOINT job")
        try:
            ticket.run(self._given)
        except BaseException as error:  # the caller gets it, the thread goes on
            failure = translate(error)
            if not self._raw.in_transaction:
                raise
            ticket.fail(failure)
            undo = ("ROLLBACK", "BEGIN IMMEDIATE") if alone else ("ROLLBACK TO job", "RELEASE job")
            for statement in undo:
                self._raw.execute(statement)
            if isinstance(failure, StoreDamaged) and failure is not error:
                self._consider(failure)
            return False
        if not alone:
            self._raw.execute("RELEASE job")
        return True

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
