"""The state that this device's own rows of the journal come to, by UID.  Pure.

What ``fsck`` and the power-cut audits hold the store's segments against.  The rows of one
device need no merging: they are in the order in which it made the changes.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field

from mx_core.model.errors import StoreDamaged
from mx_core.model.flags import Flag, FlagSet
from mx_core.store.journal.row import Op, Row, unfold


class ReplayedMailbox(Struct):
    """A mailbox as the journal tells it; columns by UID, ascending."""

    name: str
    special_use: str
    rule: str = ""  # of a folder, whose places no row tells
    messages: dict[int, bytes] = field(default_factory=dict)  # global id of each
    flags: dict[int, FlagSet] = field(default_factory=dict)
    last_uid: int = 0  # the greatest that was ever given out


class Replayed(Struct):
    """An account as the journal tells it; mailboxes by global id."""

    mailboxes: dict[bytes, ReplayedMailbox] = field(default_factory=dict)
    subscriptions: set[str] = field(default_factory=set)
    last_row: int = 0  # device_seq
    ever: set[bytes] = field(default_factory=set)  # global ids of all messages there ever were


def replay(rows: Iterable[Row]) -> Replayed:
    """Return what *rows*, all of one device and in order, come to.

    Raises:
        StoreDamaged: A row is missing, or speaks of what no row before it made.
    """
    told = Replayed()
    for row in rows:
        if told.last_row and row.device_seq != told.last_row + 1:
            raise StoreDamaged(f"row {told.last_row + 1} of the journal is missing")
        told.last_row = row.device_seq
        try:
            _apply(told, row)
        except KeyError as error:
            raise StoreDamaged(
                f"row {row.device_seq} of the journal speaks of what no row before it made"
            ) from error
    return told


def _apply(told: Replayed, row: Row) -> None:
    match row.op:
        case Op.MADE:
            told.mailboxes[row.mailbox] = ReplayedMailbox(
                row.ids[0], row.ids[1], row.ids.get(2, "")
            )
        case Op.RENAMED:
            told.mailboxes[row.mailbox].name = row.ids[0]
        case Op.REMOVED:
            del told.mailboxes[row.mailbox]
        case Op.ADDED:
            _add(told.mailboxes[row.mailbox], row)
            told.ever.update(row.ids[1])
        case Op.FLAGGED:
            box = told.mailboxes[row.mailbox]
            for places, added, cleared in row.ids[0]:
                for uid in unfold(places):
                    box.flags[uid] = (box.flags[uid] | _set(added)) - _set(cleared)
        case Op.EXPUNGED:
            box = told.mailboxes[row.mailbox]
            for uid in unfold(row.ids[0]):
                del box.messages[uid], box.flags[uid]
        case Op.SUBSCRIBED:
            (told.subscriptions.add if row.ids[1] else told.subscriptions.discard)(row.ids[0])


def _add(box: ReplayedMailbox, row: Row) -> None:
    sets = [_set(flags) for flags in row.ids[2]]
    for uid, message, chosen in zip(unfold(row.ids[0]), row.ids[1], row.ids[3], strict=True):
        if uid <= box.last_uid:
            raise StoreDamaged(f"row {row.device_seq} of the journal gives UID {uid} out again")
        box.messages[uid] = message
        box.flags[uid] = sets[chosen]
        box.last_uid = uid


def _set(flags: Iterable[str]) -> FlagSet:
    return frozenset(Flag(flag) for flag in flags)
