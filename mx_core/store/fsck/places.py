"""Segments of one mailbox, judged: the right places, from the columns and from the journal.

A UID never changes.  A place that a segment lost comes back under its UID when the journal
tells of it and its message is there; one that the columns hold stays, whatever else says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mx_core.model.flags import FlagSet
from mx_core.model.ids import MailboxId
from mx_core.store.fsck.finding import Damage, Report
from mx_core.store.fsck.state import BoxState, FullPlace
from mx_core.store.journal.replay import ReplayedMailbox
from mx_core.store.places import segment
from mx_core.store.places.flag_set import FlagSetWriter

if TYPE_CHECKING:
    import sqlalchemy as sa

_UID_MAX: Final = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Message:
    """What the table says of octets."""

    id: int
    global_id: bytes
    size: int
    internal_date: int


@dataclass(slots=True)
class Around:
    """What the judge of a mailbox needs to know beside its segments."""

    connection: sa.Connection
    report: Report
    messages: dict[int, Message]
    by_global_id: dict[bytes, Message]
    flag_sets: FlagSetWriter
    numbers: dict[int, FlagSet]  # every stored set of flags
    fresh_modseq: int  # above all that were given out; for what a repair changes


def judge(
    around: Around, box: BoxState, told: ReplayedMailbox | None, tombs: set[int]
) -> tuple[bool, list[int]]:
    """Fill *box* with its right places; return whether segments must be written, and UIDs lost.

    *tombs* are UIDs that clients were told are gone.
    """
    raw, wrong = _columns(around, box)
    lost: list[int] = []
    for uid, (modseq, number, message) in sorted(raw.items()):
        place = _place(around, box, told, (uid, modseq, number, message))
        if place is None:
            lost.append(uid)
        else:
            wrong = wrong or (place.message, place.flag_set) != (message, number)
            box.places.append(place)
    if told is not None:
        wrong = _bring_back(around, box, told, tombs | raw.keys(), lost) or wrong
    for place in box.places:
        if place.uid in tombs:
            around.report.mendable(
                Damage.TOMBSTONE, f"UID {place.uid} of mailbox {box.id} is said to be gone"
            )
            place.modseq = around.fresh_modseq
            wrong = True
    box.places.sort(key=lambda place: place.uid)
    return wrong or bool(lost), lost


def write(connection: sa.Connection, box: BoxState) -> None:
    """Store the places of *box* as new segments."""
    connection.exec_driver_sql("DELETE FROM segment WHERE mailbox = ?", (box.id,))
    for start in range(0, len(box.places), segment.ENTRIES_MAX):
        part = box.places[start : start + segment.ENTRIES_MAX]
        made = segment.empty(part[0].uid)
        for place in part:
            made.add(place.uid, place.modseq, place.flag_set, place.message)
        segment.save(connection, MailboxId(box.id), made)


def _columns(around: Around, box: BoxState) -> tuple[dict[int, tuple[int, int, int]], bool]:
    """Return (modseq, flag set, message) of each UID, and whether a segment is not as it should."""
    found: dict[int, tuple[int, int, int]] = {}
    wrong = False
    last = 0
    for head, part in segment.load_each(around.connection, MailboxId(box.id)):
        fault = _fault(head, part, last)
        if fault:
            wrong = True
            around.report.mendable(Damage.SEGMENT, f"segment {head.row} {fault}")
        if part is None:
            continue
        for uid, *rest in zip(part.uids, part.modseqs, part.flag_sets, part.messages, strict=False):
            if 0 < uid < _UID_MAX:
                found.setdefault(uid, (rest[0], rest[1], rest[2]))
        last = max([last, *part.uids])
    return found, wrong


def _fault(head: segment.Head, part: segment.Segment | None, last: int) -> str:
    if part is None:
        return "has columns that can not be read"
    uids = list(part.uids)
    if len({len(uids), len(part.modseqs), len(part.flag_sets), len(part.messages)}) > 1:
        return "has columns of different lengths"
    if not uids or len(uids) > segment.STORED_MAX:
        return f"has {len(uids)} places"
    if head.entries != len(uids) or head.max_modseq != max(part.modseqs):
        return "has a wrong count or greatest modseq"
    if uids != sorted(set(uids)) or uids[0] <= last or uids[0] < head.first_uid:
        return "has UIDs out of order"
    return ""


def _place(
    around: Around,
    box: BoxState,
    told: ReplayedMailbox | None,
    columns: tuple[int, int, int, int],
) -> FullPlace | None:
    """Return the place that *columns* mean; what they mean no more, the journal knows.  Or None."""
    uid, modseq, number, message = columns
    known = None if told is None else told.messages.get(uid)
    found = around.messages.get(message)
    where = f"UID {uid} of mailbox {box.id}"
    if found is None or (known is not None and found.global_id != known):
        found = around.by_global_id.get(known or b"") or found
        if found is None:
            # what a folder shows is derived: there it is another one's place that is lost
            note = around.report.mendable if box.rule else around.report.lost
            note(Damage.PLACE, f"{where} names a message that is not kept")
            return None
        around.report.mendable(Damage.PLACE, f"{where} names another message than its own")
    flags = around.numbers.get(number)
    if flags is None and box.rule:
        around.report.mendable(Damage.PLACE, f"{where} names a set of flags that is not kept")
        return None
    if flags is None:
        flags = told.flags.get(uid, frozenset()) if told is not None else frozenset()
        number = around.flag_sets.number(flags)
        around.report.mendable(Damage.PLACE, f"{where} names a set of flags that is not kept")
        modseq = around.fresh_modseq
    return FullPlace(
        uid, modseq, number, flags, found.id, found.global_id, found.size, found.internal_date
    )


def _bring_back(
    around: Around,
    box: BoxState,
    told: ReplayedMailbox,
    accounted: set[int],
    lost: list[int],
) -> bool:
    """Add the places that only the journal still has."""
    missing: Sequence[int] = sorted(told.messages.keys() - accounted)
    for uid in missing:
        found = around.by_global_id.get(told.messages[uid])
        where = f"UID {uid} of mailbox {box.id}"
        if found is None:
            around.report.lost(Damage.PLACE, f"{where} is in no segment and its message not kept")
            lost.append(uid)
            continue
        around.report.mendable(Damage.PLACE, f"{where} is in no segment")
        flags = told.flags[uid]
        number = around.flag_sets.number(flags)
        box.places.append(
            FullPlace(
                uid,
                around.fresh_modseq,
                number,
                flags,
                found.id,
                found.global_id,
                found.size,
                found.internal_date,
            )
        )
    return bool(missing)
