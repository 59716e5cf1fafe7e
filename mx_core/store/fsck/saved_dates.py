"""The rows that say when messages came into their mailbox (RFC 8514), held against the mailboxes.

A row holds from its UID up to the next one, so each place needs one at or below its UID, and none
may stand at a UID that is yet to be given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mx_core.store.fsck.finding import Damage, Report
from mx_core.store.fsck.state import BoxState

if TYPE_CHECKING:
    import sqlalchemy as sa


def check_strays(connection: sa.Connection, report: Report, *, repair: bool) -> None:
    """Look for rows of no mailbox."""
    chosen = "FROM saved WHERE mailbox NOT IN (SELECT id FROM mailbox)"
    count = connection.exec_driver_sql(f"SELECT count(*) {chosen}").scalar_one()
    if count:
        report.mendable(Damage.SAVED, f"{count} dates of saving belong to no mailbox")
        if repair:
            connection.exec_driver_sql(f"DELETE {chosen}")


def check(
    connection: sa.Connection, report: Report, box: BoxState, now_seconds: int, *, repair: bool
) -> None:
    """Look at the rows of *box*, whose numbers are right."""
    run = connection.exec_driver_sql
    bounds = (box.id, box.kept["uid_next"])
    outside = "FROM saved WHERE mailbox = ? AND (first_uid < 1 OR first_uid >= ?)"
    count = run(f"SELECT count(*) {outside}", bounds).scalar_one()
    if count:
        report.mendable(Damage.SAVED, f"{count} dates of saving of mailbox {box.id} are of no UID")
        if repair:
            run(f"DELETE {outside}", bounds)
    asked = "SELECT first_uid, at FROM saved WHERE mailbox = ? AND first_uid BETWEEN 1 AND ? - 1"
    first = run(f"{asked} ORDER BY first_uid LIMIT 1", bounds).one_or_none()
    if box.places and (first is None or first[0] > box.places[0].uid):
        report.mendable(Damage.SAVED, f"messages of mailbox {box.id} have no date of saving")
        if repair:
            # nobody knows any more; it was no later than the first that is known
            at = now_seconds if first is None else first[1]
            run("INSERT INTO saved VALUES (?, ?, ?)", (box.id, box.places[0].uid, at))
