"""Lone changes, made durable on the thread that asks for them.

That thread does nothing else meanwhile, so a disk that keeps it waiting is asked less and less often.
Where there is a redo log, they are synced there, and committed later together.
docs/decisions/0058-a-lone-change-is-committed-where-it-is-asked-for.md
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, final

from mx_core.db.committing import Committing, Ticket
from mx_core.db.direct import DirectLink
from mx_core.db.link import Link
from mx_core.db.log_file import LogFile
from mx_core.db.redo.transaction import OpenTransaction, Redo

HELD_SECONDS: Final = 0.005  # a change that the disk takes longer for should have been the writer's
JOB_SECONDS: Final = 0.015  # what a job may take beside that
_PAUSE_FOR_EACH: Final = 10  # of what it took; twice as much for each that follows at once
PAUSE_SECONDS_MAX: Final = 60.0
# Changes: where there is no redo log, each of them writes some ten pages.
_LOG_LOOKED_AT_EVERY: Final = 16


@final
class Quickness:
    """How long recent changes took, of the disk above all.  For one thread at a time."""

    def __init__(self) -> None:
        self._slow = 0  # in a row
        self._until = 0.0  # monotonic seconds: none before

    def allows(self) -> bool:
        """Tell whether the next one may be made here."""
        return not self._slow or time.monotonic() >= self._until

    def note(self, seconds: float) -> None:
        """Note how long one took; above ``HELD_SECONDS`` it was too long."""
        if seconds <= HELD_SECONDS:
            self._slow = 0
            return
        pause = min(seconds * _PAUSE_FOR_EACH * 2**self._slow, PAUSE_SECONDS_MAX)
        self._slow += 1
        self._until = time.monotonic() + pause


@final
class LoneChanges:
    """For one thread at a time: whose turn it is to write.  ``settle`` is for any thread."""

    def __init__(
        self,
        link: Link,
        committing: Committing,
        log: LogFile,
        consider: Callable[[BaseException], None],
        redo: Redo | None,
    ) -> None:
        """*redo*: for a link that is the driver's own."""
        self._committing = committing
        self._log = log
        self._open = (
            OpenTransaction(link, redo, log.path, consider)
            if redo is not None and isinstance(link, DirectLink)
            else None
        )
        self._quickness = Quickness()
        self._count = 0
        self.at = 0.0  # monotonic seconds: when the last one was durable

    @property
    def allowed(self) -> bool:
        """Tell whether the disk is quick enough for one more."""
        return self._quickness.allows()

    @property
    def has_due(self) -> bool:
        """Tell whether the thread that writes should commit what is open, or move the log."""
        if self._open is not None and self._open.is_much:
            return True
        return self._count % _LOG_LOOKED_AT_EVERY == 0 and self._log.is_due()

    def make(self, ticket: Ticket) -> bool:
        """Run *ticket* and make it durable; False: somebody is committing what is open."""
        began, waited = time.monotonic(), None
        if self._open is None or not self._open.takes_more:
            if self._open is not None and self._open.is_open:
                return False
            self._committing.together(ticket)
        elif self._open.run(ticket):
            waited = self._open.waited
        else:
            return False
        self.at = time.monotonic()
        took = self.at - began
        self._quickness.note(took if waited is None else max(waited, took - JOB_SECONDS))
        self._count += 1
        return True

    def settle(self) -> BaseException | None:
        """Commit what is open; return what stood in the way, if anything: it is not lost."""
        if self._open is None or not self._open.is_open:
            return None
        return self._open.settle()

    def wipe(self) -> None:
        """Put zeros over the redo log; nothing is open."""
        if self._open is not None:
            self._open.wipe()

    def close(self) -> None:
        """Let go of the redo log; what is open stays there, for the next open."""
        if self._open is not None:
            self._open.close()
