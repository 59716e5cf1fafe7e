"""When a message came into its mailbox, by APPEND, COPY, MOVE or from the network.  RFC 8514.

UIDs rise with time, so a mailbox needs one row for each second in which something came; a row
holds from its UID up to the next.  Rows go only with their mailbox.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mx_core.model.errors import NoSuchMailbox
from mx_core.model.ids import MailboxId, Uid

if TYPE_CHECKING:
    import sqlalchemy as sa


def note(connection: sa.Connection, mailbox: MailboxId, first: int, now_seconds: int) -> None:
    """Note that what has UIDs from *first* on came at *now_seconds*."""
    connection.exec_driver_sql(
        "INSERT INTO saved SELECT ?, ?, ? WHERE ? IS NOT"
        " (SELECT at FROM saved WHERE mailbox = ? ORDER BY first_uid DESC LIMIT 1)",
        (mailbox, first, now_seconds, now_seconds, mailbox),
    )


def dates(connection: sa.Connection, mailbox: MailboxId, uids: Sequence[Uid]) -> list[int]:
    """Return unix seconds for each of *uids*, which the mailbox has or had.

    Raises:
        NoSuchMailbox: It was deleted meanwhile.
    """
    if not uids:
        return []
    rows = connection.exec_driver_sql(
        "SELECT first_uid, at FROM saved WHERE mailbox = ? AND first_uid <= ? AND first_uid >="
        " ifnull((SELECT max(first_uid) FROM saved WHERE mailbox = ? AND first_uid <= ?), 0)"
        " ORDER BY first_uid",
        (mailbox, max(uids), mailbox, min(uids)),
    ).all()
    if not rows:
        raise NoSuchMailbox("the mailbox was deleted")
    firsts = [row[0] for row in rows]
    return [rows[bisect_right(firsts, uid) - 1][1] for uid in uids]
