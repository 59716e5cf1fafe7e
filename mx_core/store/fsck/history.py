"""The journal against the mailboxes: read, replayed, compared, and written anew where they differ.

The mailboxes are what mail programs have seen, so they win where nothing in them is damaged;
where a segment is, the journal still knows its places (``places``).  A journal that can not be
replayed, or tells another story, is replaced by rows that make the mailboxes as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from mx_core.model.clock import Now
from mx_core.model.errors import StoreDamaged, Untrusted
from mx_core.model.flags import FlagSet
from mx_core.model.ids import GlobalId
from mx_core.store.fsck.finding import Damage, Report
from mx_core.store.fsck.state import BoxState
from mx_core.store.journal import row as journal_row
from mx_core.store.journal.journal import Journal
from mx_core.store.journal.replay import Replayed, replay
from mx_core.store.journal.row import Op, read_row

if TYPE_CHECKING:
    import sqlalchemy as sa

_PLACES_IN_A_ROW: int = 10_000


def read(connection: sa.Connection, report: Report) -> Replayed | None:
    """Return what the journal tells; None, with a finding, if it can not be replayed."""
    rows = connection.exec_driver_sql(
        "SELECT device, device_seq, hybrid, change, op, mailbox, ids FROM journal"
        " WHERE device = (SELECT device FROM clock) ORDER BY device_seq"
    )
    try:
        told = replay(read_row(row) for row in rows)
    except (StoreDamaged, Untrusted) as error:
        report.mendable(Damage.JOURNAL, str(error))
        return None
    last = connection.exec_driver_sql("SELECT device_seq FROM clock").scalar_one()
    if told.last_row != last:
        report.mendable(
            Damage.JOURNAL, f"the journal ends at row {told.last_row}, it should at {last}"
        )
        return None
    return told


def differs(told: Replayed, boxes: Sequence[BoxState], names: set[str]) -> str:
    """Return how *told* differs from the mailboxes and subscribed *names*; "" if it does not."""
    if told.mailboxes.keys() != {box.global_id for box in boxes}:
        return "the journal tells of other mailboxes than there are"
    for box in boxes:
        say = told.mailboxes[box.global_id]
        if say.name != box.name:
            return f"the journal has another name for mailbox {box.id}"
        if say.rule != box.rule:
            return f"the journal has another rule for mailbox {box.id}"
        if box.rule:
            continue
        if say.flags != box.flags():
            return f"the journal tells of other places or flags in mailbox {box.id}"
        if say.messages != {place.uid: place.global_id for place in box.places}:
            return f"the journal tells of other messages in mailbox {box.id}"
    return "" if told.subscriptions == names else "the journal tells of other subscriptions"


def write_anew(
    connection: sa.Connection, now: Now, boxes: Sequence[BoxState], names: set[str]
) -> None:
    """Replace the device's rows by such as make what there is.

    The numbers of the rows go on from the last one, so that none stands for two changes.
    """
    connection.exec_driver_sql("DELETE FROM journal WHERE device = (SELECT device FROM clock)")
    log = Journal(connection, now)
    for box in boxes:
        made: dict[int, journal_row.Value] = {0: box.name, 1: box.special_use}
        if box.rule:
            made[2] = box.rule
        log.write(Op.MADE, GlobalId(box.global_id), made)
        for start in range(0, 0 if box.rule else len(box.places), _PLACES_IN_A_ROW):
            _write_added(log, box, start)
    for name in sorted(names):
        log.write(Op.SUBSCRIBED, b"", {0: name, 1: True})
    log.finish()


def _write_added(log: Journal, box: BoxState, start: int) -> None:
    # an internal date belongs to new messages only, so each run is of one date
    part = box.places[start : start + _PLACES_IN_A_ROW]
    for date, run in groupby(part, key=lambda place: place.internal_date):
        places = list(run)
        sets: dict[FlagSet, int] = {}
        chosen = [sets.setdefault(place.flags, len(sets)) for place in places]
        ids: dict[int, journal_row.Value] = {
            0: journal_row.ranges([place.uid for place in places]),
            1: [place.global_id for place in places],
            2: [journal_row.texts(flags) for flags in sets],
            3: list(chosen),
            4: journal_row.signed(date),
        }
        log.write(Op.ADDED, GlobalId(box.global_id), ids)
