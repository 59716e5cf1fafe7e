"""Lone changes that are durable and announced, in a transaction that is still open.

To commit writes some ten pages, each of which is sealed, and syncs them; to write down the statements
that made a change, and sync those, takes half of that.  So the transaction of a lone change stays open for the next
one, and the redo log has both.  Nobody else sees what it made before it is committed, so it is committed before
anybody reads or writes anything else, and at rest.
docs/decisions/0059-a-lone-change-is-synced-as-its-statements.md, docs/spec/redo.md
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec import Struct

from mx_core.db import failpoint
from mx_core.db.committing import Ticket
from mx_core.db.direct import DirectLink
from mx_core.db.failure import translate, translate_commit
from mx_core.db.os_failure import UNCONFIRMED
from mx_core.db.redo import again
from mx_core.db.redo.file import RedoFile
from mx_core.db.redo.record import CLEAR_OCTETS_MAX, Change, Statement, encoded, packed
from mx_core.model.errors import Busy, DiskFull, StoreDamaged

# What one commit has: whoever reads meanwhile waits for it, some 10 ms.
_OCTETS_MAX: Final = 2 * 1024 * 1024
_MANY_MAX: Final = 256


class Redo(Struct, frozen=True):
    """The redo log of a database, and the witness of its states: see ``again.said_by``."""

    file: RedoFile
    witness: str


class OpenTransaction:
    """Owns the open transaction of *link*.

    Invariant: while ``is_open`` is true nobody uses the connection but in here, under the lock.
    *consider* is told of every failure that is not a job's.
    """

    def __init__(
        self,
        link: DirectLink,
        redo: Redo,
        log_path: Path,
        consider: Callable[[BaseException], None],
    ) -> None:
        self._lock = threading.Lock()
        self.is_open = False  # any thread may look
        self.waited = 0.0  # seconds, for the last change to be durable
        self._link = link
        self._driver = link.driver
        self._file = redo.file
        self._witness = redo.witness
        self._log_path = log_path
        self._consider = consider
        self._changes: list[Change] = []  # what the log has, and the open transaction
        self._octets = 0
        self._round = again.after(again.committed(self._driver))
        self._base = 0  # what the witness said when the transaction began
        self._failure: BaseException | None = None  # after which nobody knows what the disk holds

    @property
    def takes_more(self) -> bool:
        """Tell whether one more may be made in it."""
        return not self._file.is_unsure and not self.is_much

    @property
    def is_much(self) -> bool:
        """Tell whether it is time to commit."""
        return self._octets >= _OCTETS_MAX or len(self._changes) >= _MANY_MAX

    def run(self, ticket: Ticket) -> bool:
        """Run *ticket* behind what is open; it ends with a durable result or with an error.

        By whoever may write.  False: somebody is committing what is open, and nothing was done.
        Crash before the log is synced: nothing of it exists, and nobody was told.  After it: the next open
        makes it again.
        """
        if not self._lock.acquire(blocking=False):
            return False
        try:
            self._run(ticket)
        finally:
            self._lock.release()
        return True

    def _run(self, ticket: Ticket) -> None:
        statements: list[Statement] = []
        self.waited = 0.0
        try:
            self._begin()
            self._link.note_in(statements)
            ticket.run(self._link.given)
        except BaseException as error:  # noqa: BLE001  # whoever asked gets it
            failure = translate(error)
            ticket.fail(failure)
            self._undo()
            if isinstance(failure, StoreDamaged) and failure is not error:
                self._consider(failure)
            return
        finally:
            self._link.note_in(None)
        if statements:
            began = time.monotonic()
            self._keep(ticket, Change(self._round, self._base, statements))
            self.waited = time.monotonic() - began
        elif not self.is_open:
            self._undo()

    def settle(self) -> BaseException | None:
        """Commit what is open; return what stood in the way, if anything: then it is tried again."""
        with self._lock:
            return self._commit() if self.is_open else None

    def _commit(self) -> BaseException | None:
        if self._failure is not None:
            return self._failure
        try:
            self._begin()
            again.commit(self._driver, self._round)
        except BaseException as error:  # noqa: BLE001  # whatever it is, who waits must hear it
            failure = translate_commit(error, self._log_path)
            self._roll_back()
            if not isinstance(failure, DiskFull | Busy):
                self._failure = failure  # another try would prove nothing
            self._consider(failure)
            return failure
        self._changes, self._octets, self.is_open = [], 0, False
        self._round = again.after(self._round)
        self._file.begin_anew()
        return None

    def wipe(self) -> None:
        """Put zeros over the log, which is of no use while nothing is open."""
        with contextlib.suppress(OSError):  # then it is written over, or wiped by the next open
            self._file.wipe()

    def close(self) -> None:
        """Let go of the log; what is open stays there, for the next open."""
        self._file.close()

    def _begin(self) -> None:
        """Begin a transaction, if none is open, with all that is open."""
        if self._driver.in_transaction:
            return
        self._driver.execute("BEGIN IMMEDIATE")
        if not self.is_open:
            self._base = again.said_by(self._driver, self._witness)
        again.make(self._driver, self._changes)

    def _keep(self, ticket: Ticket, change: Change) -> None:
        """Write *change* down, or else commit it with all that is open."""
        try:
            octets = encoded(change)
            record = packed(octets)
            if len(octets) <= CLEAR_OCTETS_MAX and RedoFile.takes(len(record)):
                self._file.add(record)
                failpoint.reach("redo")
                self._changes.append(change)
                self._octets += len(octets)
                self.is_open = True
                return
        except Exception:  # noqa: BLE001, S110  # to commit needs the disk too, and says what is wrong with it
            pass
        self.is_open = True
        failure = self._commit()
        if failure is None:
            return
        ticket.fail(failure)
        self.is_open = bool(self._changes)
        if self._file.is_unsure:
            # It may stand in the log, and would be made again on whatever is committed meanwhile.
            self._consider(StoreDamaged(UNCONFIRMED))

    def _undo(self) -> None:
        """Undo a job, and leave what is open as it was."""
        self._roll_back()
        if not self.is_open:
            return
        try:
            self._begin()
        except BaseException as error:  # noqa: BLE001  # nothing is lost: the log has it
            self._roll_back()
            self._consider(translate(error))

    def _roll_back(self) -> None:
        if self._driver.in_transaction:
            with contextlib.suppress(Exception):  # the first error is the one to tell
                self._driver.execute("ROLLBACK")
