"""The mutable state of a mailbox: packed columns of up to 320 places in UID order.

A *place* is one message in one mailbox: (uid, modseq, flag set, message).  Knows nothing of
flags or messages but their numbers.  Invariants: UIDs ascend within and across segments; no
stored segment is empty; a place lives in the segment with the greatest ``first_uid`` not
above its UID.  How columns stand on the disk is said in ``packed``.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mx_core.model.errors import StoreDamaged
from mx_core.model.ids import MailboxId
from mx_core.store.places.packed import RUNS_FROM, pack, pack_runs, unpack, unpack_runs

if TYPE_CHECKING:
    import sqlalchemy as sa

# At most 24 octets each: with what stands beside them they fill a page of a sealed database, so that
# changing one writes one page; where UIDs and messages are runs, two segments do.  A segment of a
# store made before holds more.
ENTRIES_MAX: Final = 320
STORED_MAX: Final = 512
_TAIL_MAX: Final = RUNS_FROM - 1  # what ``append`` lets a segment grow to
_AT_ONCE: Final = 32  # segments that one statement reads
_WIDTHS: Final = (4, 8, 4, 8)  # octets of a number in each column
_MERGE_BELOW: Final = 160  # two neighbours that fit together in half a segment become one


@dataclass(slots=True)
class Segment:
    """Some places; *row* is None until it is stored."""

    row: int | None
    first_uid: int
    uids: array[int]
    modseqs: array[int]
    flag_sets: array[int]
    messages: array[int]

    def __len__(self) -> int:
        return len(self.uids)

    @property
    def columns(self) -> tuple[array[int], ...]:
        """Return UIDs, modseqs, flag sets and messages."""
        return self.uids, self.modseqs, self.flag_sets, self.messages

    def add(self, uid: int, modseq: int, flag_set: int, message: int) -> None:
        """Append one place; *uid* is above all others."""
        self.uids.append(uid)
        self.modseqs.append(modseq)
        self.flag_sets.append(flag_set)
        self.messages.append(message)

    def to_reflag(self) -> Segment:
        """Return it with flag sets and modseqs of its own, and the other columns shared."""
        return Segment(
            self.row, self.first_uid, self.uids, self.modseqs[:], self.flag_sets[:], self.messages
        )

    def without(self, gone: set[int]) -> Segment:
        """Return the segment without the positions *gone*."""
        keep = [n for n in range(len(self)) if n not in gone]
        return Segment(
            self.row,
            self.first_uid,
            array("I", [self.uids[n] for n in keep]),
            array("Q", [self.modseqs[n] for n in keep]),
            array("I", [self.flag_sets[n] for n in keep]),
            array("Q", [self.messages[n] for n in keep]),
        )


def empty(first_uid: int = 1) -> Segment:
    """Return a segment that is not stored yet."""
    return Segment(None, first_uid, array("I"), array("Q"), array("I"), array("Q"))


def load_all(connection: sa.Connection, mailbox: MailboxId) -> Segment:
    """Return all places of *mailbox* as one long segment, which can not be stored."""
    rows = connection.exec_driver_sql(
        "SELECT uids, modseqs, flag_sets, messages FROM segment WHERE mailbox = ?"
        " ORDER BY first_uid",
        (mailbox,),
    ).all()
    whole = empty()
    for row in rows:
        for column, more in zip(whole.columns, _columns(*row), strict=True):
            column.extend(more)
    return whole


def holding(
    connection: sa.Connection, mailbox: MailboxId, uids: Sequence[int] | None
) -> Iterator[Segment]:
    """Return, ascending, the segments where *uids* (None: all) live or would live."""
    if uids is not None and len(uids) == 1:
        return _holding_one(connection, mailbox, uids[0])
    return _holding_many(connection, mailbox, uids)


def _holding_many(
    connection: sa.Connection, mailbox: MailboxId, uids: Sequence[int] | None
) -> Iterator[Segment]:
    heads = connection.exec_driver_sql(
        "SELECT first_uid, id FROM segment WHERE mailbox = ? ORDER BY first_uid", (mailbox,)
    ).all()
    firsts = [head[0] for head in heads]
    if uids is None or len(uids) > len(heads):  # cheaper to look than to search for each
        first, end = 0, len(heads)
        if uids is not None:
            lowest, highest = _ends(uids)
            first, end = max(bisect_right(firsts, lowest) - 1, 0), bisect_right(firsts, highest)
        for low in range(first, end, _AT_ONCE):
            yield from _load_some(connection, mailbox, firsts[low:end][:_AT_ONCE])
        return
    touched = {bisect_right(firsts, uid) - 1 for uid in uids}
    for n in sorted(n for n in touched if n >= 0):
        yield _load(connection, heads[n][1])


def _ends(uids: Sequence[int]) -> tuple[int, int]:
    """Return the lowest and the highest; an array of UIDs ascends."""
    return (uids[0], uids[-1]) if isinstance(uids, array) else (min(uids), max(uids))


class Head(NamedTuple):
    """What stands beside the columns of a stored segment."""

    row: int
    first_uid: int
    entries: int
    max_modseq: int


def load_each(
    connection: sa.Connection, mailbox: MailboxId
) -> Iterator[tuple[Head, Segment | None]]:
    """Yield every stored segment as it stands, None for one whose columns can not be read."""
    rows = connection.exec_driver_sql(
        "SELECT id, first_uid, entries, max_modseq, CAST(uids AS BLOB), CAST(modseqs AS BLOB),"
        " CAST(flag_sets AS BLOB), CAST(messages AS BLOB)"
        " FROM segment WHERE mailbox = ? ORDER BY first_uid",
        (mailbox,),
    ).all()
    for row, first_uid, entries, max_modseq, *columns in rows:
        try:
            unpacked = _columns(*columns)
        except (
            ValueError,
            TypeError,
        ):  # not so many numbers as there should be, or no octets at all
            yield Head(row, first_uid, entries, max_modseq), None
            continue
        yield Head(row, first_uid, entries, max_modseq), Segment(row, first_uid, *unpacked)


def last(connection: sa.Connection, mailbox: MailboxId) -> Segment | None:
    """Return the newest segment of *mailbox*."""
    row = connection.exec_driver_sql(
        "SELECT id FROM segment WHERE mailbox = ? ORDER BY first_uid DESC LIMIT 1", (mailbox,)
    ).scalar()
    return None if row is None else _load(connection, row)


def save(connection: sa.Connection, mailbox: MailboxId, segment: Segment) -> None:
    """Store the segment as it is now; an empty one is removed."""
    if not segment.uids:
        if segment.row is not None:
            connection.exec_driver_sql("DELETE FROM segment WHERE id = ?", (segment.row,))
        return
    values = (
        len(segment),
        max(segment.modseqs),
        pack_runs(segment.uids),
        pack(segment.modseqs),
        pack(segment.flag_sets),
        pack_runs(segment.messages),
    )
    if segment.row is None:
        connection.exec_driver_sql(
            "INSERT INTO segment (mailbox, first_uid, entries, max_modseq, uids, modseqs,"
            " flag_sets, messages) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (mailbox, segment.first_uid, *values),
        )
    else:
        connection.exec_driver_sql(
            "UPDATE segment SET entries = ?, max_modseq = ?, uids = ?, modseqs = ?,"
            " flag_sets = ?, messages = ? WHERE id = ?",
            (*values, segment.row),
        )


def save_flags(connection: sa.Connection, segment: Segment, newest: int) -> None:
    """Store flag sets and modseqs, which alone have changed, of a segment that is stored.

    *newest*: the modseq of the change, which is above all others.

    Raises:
        StoreDamaged: Other messages stand there than *segment* has.
    """
    stored = connection.exec_driver_sql(
        "UPDATE segment SET max_modseq = ?, modseqs = ?, flag_sets = ?"
        " WHERE id = ? AND first_uid = ? AND entries = ?",
        (
            newest,
            pack(segment.modseqs),
            pack(segment.flag_sets),
            segment.row,
            segment.first_uid,
            len(segment),
        ),
    )
    if not stored.rowcount:
        raise StoreDamaged("a segment has changed beside a job")


def append(connection: sa.Connection, mailbox: MailboxId, place: tuple[int, int, int, int]) -> None:
    """Add (uid, modseq, flag set, message) at the end of *mailbox* without reading a segment.

    The newest places stand in a short segment of their own, so that what an arrival rewrites is
    small, and those of several mailboxes lie on one page; full ones go into their neighbours.
    """
    columns = [n.to_bytes(w, "little") for n, w in zip(place, _WIDTHS, strict=True)]
    done = connection.exec_driver_sql(
        "UPDATE segment SET entries = entries + 1, max_modseq = ?,"
        " uids = CAST(uids || ? AS BLOB), modseqs = CAST(modseqs || ? AS BLOB),"
        " flag_sets = CAST(flag_sets || ? AS BLOB), messages = CAST(messages || ? AS BLOB)"
        " WHERE id = (SELECT id FROM segment WHERE mailbox = ? ORDER BY first_uid DESC LIMIT 1)"
        " AND entries < ?",
        (place[1], *columns, mailbox, _TAIL_MAX),
    ).rowcount
    if done:
        return
    connection.exec_driver_sql(
        "INSERT INTO segment (mailbox, first_uid, entries, max_modseq, uids, modseqs,"
        " flag_sets, messages) VALUES (?, ?, 1, ?, ?, ?, ?, ?)",
        (mailbox, place[0], place[1], *columns),
    )
    before = connection.exec_driver_sql(
        "SELECT id, entries FROM segment WHERE mailbox = ? ORDER BY first_uid DESC LIMIT 2 OFFSET 1",
        (mailbox,),
    ).all()
    if len(before) > 1 and sum(entries for _, entries in before) <= ENTRIES_MAX:
        _join(connection, mailbox, into=before[1][0], row=before[0][0])


def compact(connection: sa.Connection, mailbox: MailboxId, around: Sequence[int]) -> None:
    """Join small neighbours of the segments that hold the UIDs *around*, ascending.

    So a mailbox never wears out into rows of one place each.
    """
    following = connection.exec_driver_sql(
        "SELECT first_uid FROM segment WHERE mailbox = ? AND first_uid > ?"
        " ORDER BY first_uid LIMIT 1",
        (mailbox, around[-1]),
    ).scalars()
    for uid in (*around, *following):
        near = connection.exec_driver_sql(
            "SELECT id, entries FROM segment WHERE mailbox = ? AND first_uid <= ?"
            " ORDER BY first_uid DESC LIMIT 2",
            (mailbox, uid),
        ).all()
        if sum(entries for _, entries in near) <= _MERGE_BELOW and len(near) > 1:
            _join(connection, mailbox, into=near[1][0], row=near[0][0])


def _join(connection: sa.Connection, mailbox: MailboxId, *, into: int, row: int) -> None:
    joined, other = _load(connection, into), _load(connection, row)
    joined.uids.extend(other.uids)
    joined.modseqs.extend(other.modseqs)
    joined.flag_sets.extend(other.flag_sets)
    joined.messages.extend(other.messages)
    connection.exec_driver_sql("DELETE FROM segment WHERE id = ?", (row,))
    save(connection, mailbox, joined)


def _holding_one(connection: sa.Connection, mailbox: MailboxId, uid: int) -> Iterator[Segment]:
    """As ``holding``, without a look at all the others: what a mail program changes most is one."""
    rows = connection.exec_driver_sql(
        "SELECT id, first_uid, uids, modseqs, flag_sets, messages FROM segment"
        " WHERE mailbox = ? AND first_uid <= ? ORDER BY first_uid DESC LIMIT 1",
        (mailbox, uid),
    ).all()
    return map(_of_row, rows)


def _load(connection: sa.Connection, row: int) -> Segment:
    return _of_row(
        connection.exec_driver_sql(
            "SELECT id, first_uid, uids, modseqs, flag_sets, messages FROM segment WHERE id = ?",
            (row,),
        ).one()
    )


def _load_some(
    connection: sa.Connection, mailbox: MailboxId, firsts: Sequence[int]
) -> Iterator[Segment]:
    """Yield the segments that begin at *firsts*, which follow each other."""
    rows = connection.exec_driver_sql(
        "SELECT id, first_uid, uids, modseqs, flag_sets, messages FROM segment"
        " WHERE mailbox = ? AND first_uid BETWEEN ? AND ? ORDER BY first_uid",
        (mailbox, firsts[0], firsts[-1]),
    ).all()
    return map(_of_row, rows)


def _of_row(row: Sequence[Any]) -> Segment:
    ident, first_uid, *columns = row
    return Segment(ident, first_uid, *_columns(*columns))


def _columns(
    uids: bytes, modseqs: bytes, flag_sets: bytes, messages: bytes
) -> tuple[array[int], ...]:
    """Return the columns of a row; raises ValueError for what are none."""
    changed = unpack("Q", modseqs)
    return (
        unpack_runs("I", uids, len(changed)),
        changed,
        unpack("I", flag_sets),
        unpack_runs("Q", messages, len(changed)),
    )


def pack_uids(uids: Sequence[int]) -> bytes:
    """Return the column of a tombstone."""
    return pack(array("I", uids))


def unpack_uids(octets: bytes) -> array[int]:
    """Return the UIDs of a tombstone."""
    return unpack("I", octets)
