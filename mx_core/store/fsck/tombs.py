"""Tombstones of one mailbox: which UIDs clients may have been told are gone.

A client that resynchronises must hear of every UID that went since (RFC 7162 §3.2.6), and may
hear of more; so one that can not be read becomes one of all UIDs that are not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct, field

from mx_core.store.fsck.finding import Damage, Report
from mx_core.store.fsck.state import BoxState
from mx_core.store.places import segment

if TYPE_CHECKING:
    import sqlalchemy as sa


class Tombs(Struct):
    """All of one mailbox, by modseq."""

    uids: set[int] = field(default_factory=set)
    unreadable: list[int] = field(default_factory=list)


def read(connection: sa.Connection, report: Report, box: BoxState) -> Tombs:
    """Return what the tombstones of *box* say."""
    tombs = Tombs()
    for modseq, column in connection.exec_driver_sql(
        "SELECT modseq, uids FROM tombstone WHERE mailbox = ?", (box.id,)
    ).all():
        try:
            tombs.uids.update(segment.unpack_uids(column))
        except (ValueError, TypeError):
            tombs.unreadable.append(modseq)
            report.mendable(
                Damage.TOMBSTONE, f"tombstone {modseq} of mailbox {box.id} can not be read"
            )
    return tombs


def check_strays(connection: sa.Connection, report: Report, *, repair: bool) -> None:
    """Look for tombstones of no mailbox."""
    chosen = "FROM tombstone WHERE mailbox NOT IN (SELECT id FROM mailbox)"
    count = connection.exec_driver_sql(f"SELECT count(*) {chosen}").scalar_one()
    if count:
        report.mendable(Damage.TOMBSTONE, f"{count} tombstones belong to no mailbox")
        if repair:
            connection.exec_driver_sql(f"DELETE {chosen}")


def mend(
    connection: sa.Connection, box: BoxState, tombs: Tombs, lost: Sequence[int], modseq: int
) -> None:
    """Say of what is *lost* that it is gone, and of nothing that is there."""
    alive = {place.uid for place in box.places}
    if tombs.uids & alive:
        for row, column in connection.exec_driver_sql(
            "SELECT modseq, uids FROM tombstone WHERE mailbox = ?", (box.id,)
        ).all():
            if row not in tombs.unreadable:
                _write(connection, box, row, set(segment.unpack_uids(column)) - alive)
    for row in tombs.unreadable:
        _write(connection, box, row, set(range(1, box.kept["uid_next"])) - alive)
    if lost:
        connection.exec_driver_sql(
            "INSERT INTO tombstone VALUES (?, ?, ?)",
            (box.id, modseq, segment.pack_uids(sorted(lost))),
        )
        connection.exec_driver_sql(
            "UPDATE mailbox SET highest_modseq = ? WHERE id = ?", (modseq, box.id)
        )
        box.kept["highest_modseq"] = modseq


def _write(connection: sa.Connection, box: BoxState, modseq: int, uids: set[int]) -> None:
    connection.exec_driver_sql(
        "UPDATE tombstone SET uids = ? WHERE mailbox = ? AND modseq = ?",
        (segment.pack_uids(sorted(uids)), box.id, modseq),
    )
