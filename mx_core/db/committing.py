"""Jobs in one transaction: each ends with a durable result or with an error of its own.

Knows no thread and no queue: ``writer`` says whose turn it is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mx_core.db.failure import translate, translate_commit
from mx_core.db.link import Link
from mx_core.model.errors import StoreDamaged, Unavailable

if TYPE_CHECKING:
    import sqlalchemy as sa


class Ticket(Protocol):
    """One job on its way.  Methods are called on the thread whose turn it is."""

    def run(self, connection: sa.Connection) -> None:
        """Do the work and keep the result; raises what the job raises."""

    def abandoned(self) -> bool:
        """Tell whether nobody waits any more; such a job is not begun."""

    def fail(self, error: BaseException) -> None:
        """Keep *error* as the outcome: nothing of this job is durable."""


class Step(Ticket, Protocol):
    """A job that nobody waits for."""

    more: bool  # once it ran: there is another step


def nothing() -> None:
    """Return what follows a job that is alone."""


class Committing:
    """Owns what is done with the writing connection; *consider* is told of every failure that is not a job's."""

    def __init__(
        self, link: Link, log_path: Path, consider: Callable[[BaseException], None]
    ) -> None:
        self._link = link
        self._raw = link.driver
        self._given = link.given  # what jobs see
        self._log_path = log_path
        self._consider = consider

    def together(self, first: Ticket, following: Callable[[], Ticket | None] = nothing) -> None:
        """Run the tickets and commit; each ends with a durable result or with an error.

        Crash before the commit: nothing of the batch exists, and no caller was told it does.
        Crash after it: everything exists; callers that were not told yet may ask again,
        which is why jobs with an outside cause carry their own key (a msg_id, a queue id).
        """
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
            failure = translate_commit(error, self._log_path)
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
