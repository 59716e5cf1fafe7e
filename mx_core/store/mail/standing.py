"""What the account's last change left, for the next one to begin with instead of reading it.

Kept when the commit is announced, so it is durable.  It holds while the connection that writes, which
alone changes the account, has changed no row since the job ended: SQLite counts those, and counts on
when they are undone.  So a job that another one follows, in its commit or after it, finds nothing here
that is not so, whether or not either is undone.
docs/decisions/0060-a-job-begins-with-what-the-last-one-left.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mx_core.model.ids import MailboxId, Uid, UidValidity
from mx_core.model.mailbox_name import MailboxName
from mx_core.store.journal.journal import Counters
from mx_core.store.places.flagged_last import FlaggedLast

if TYPE_CHECKING:
    import sqlalchemy as sa


class Arrival(NamedTuple):
    """The mailbox that a message was put into last, by its name."""

    name: MailboxName
    mailbox: MailboxId
    uid_validity: UidValidity
    uid_next: Uid


class Left(NamedTuple):
    """What is so once a job has ended; *changes*: as ``changes_of`` said then."""

    changes: int
    counters: Counters
    arrival: Arrival | None
    flagged_last: FlaggedLast | None


class Standing:
    """Of one account.  Kept on the loop; whoever's turn it is to write asks."""

    def __init__(self) -> None:
        self._left: Left | None = None

    def keep(self, left: Left | None) -> None:
        """Note what a job left, if anything, whose commit is announced."""
        if left is not None:
            self._left = left

    def now(self, connection: sa.Connection) -> Left | None:
        """Return what holds at this moment, at which a job begins, if that is known."""
        left = self._left
        return left if left is not None and left.changes == changes_of(connection) else None


def changes_of(connection: sa.Connection) -> int:
    """Return how many rows *connection* has changed since it was opened, undone or not."""
    changes: int = connection.connection.driver_connection.total_changes  # type: ignore[union-attr]  # it is open
    return changes
