"""Forms of 128 messages together, so that one reading touches little but what it needs.

When it is made a form is a row of ``form``.  Once all ids of a run (128 that follow each other) are
given, its rows become four pieces, compressed: ``form_list`` what lists of messages show,
``form_head`` the rest of the header, ``form_told`` what answers are made of, ``form_rest`` the rest.
A row that stays in ``form`` (it is long, or a repair made it) is the one that counts.
docs/decisions/0016-forms-in-runs.md, 0037-headers-in-two-halves.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Final

from mx_core.mime import field_table, listed
from mx_core.model.errors import StoreDamaged
from mx_core.model.ids import MessageId
from mx_core.model.message import MessageForm, PartMapOctets
from mx_core.store.bodies import coding
from mx_core.store.forms import row as form_row
from mx_core.store.forms.packed import Packed, Shape, pack, unpack

if TYPE_CHECKING:
    import sqlalchemy as sa

RUN_BITS: Final = 7  # of a message id below those that number its run
RUN: Final = 1 << RUN_BITS
_SLOT: Final = RUN - 1
_LONG: Final = 16 * 1024  # a form of more octets stays a row
_NO_DATE: Final = -(1 << 63)


class Piece(Enum):
    """A table of pieces."""

    LIST = "form_list"  # numbers: size, internal date; texts: what is listed or nothing
    HEAD = "form_head"  # texts: the rest of the header or nothing, where its fields are
    TOLD = "form_told"  # numbers: size, internal date; texts: envelope, bodystructure, body
    REST = "form_rest"  # numbers: header_end, sent; texts: parts, message_id, base_subject


_SHAPES: Final = {
    Piece.LIST: Shape(2, 1),
    Piece.HEAD: Shape(0, 2),
    Piece.TOLD: Shape(2, 3),
    Piece.REST: Shape(2, 3),
}
_LENGTH: Final = (
    "length(fields) + length(envelope) + length(bodystructure) + length(form.body)"
    " + length(parts) + length(message_id) + length(CAST(base_subject AS BLOB))"
)
_SELECT: Final = (
    "SELECT form.message, form.size, internal_date, envelope, bodystructure, form.body, header, fields,"  # noqa: S608  # literals
    " header_end, sent, parts, message_id, base_subject"
    " FROM form JOIN message ON message.id = form.message"
    f" WHERE form.message BETWEEN ? AND ? AND {_LENGTH} <= {_LONG} ORDER BY form.message"
)
_ABREAST: Final = 6  # runs that are read as one row


# ── reading ──────────────────────────────────────────────────────────────────────────
class Runs:
    """Reads forms in runs within one job."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._end: int | None = None
        self._ahead: dict[tuple[Piece, int], tuple[int, int, bytes]] = {}

    def among(self, messages: Sequence[MessageId]) -> int:
        """Return how many of *messages*, from the first on, are in a run.

        Negative: so many from the first on are in none.
        """
        loose = self._loose(min(messages), max(messages))
        if not loose:
            return len(messages)
        first = messages[0] not in loose
        other = (at for at, message in enumerate(messages) if (message not in loose) != first)
        count = next(other, len(messages))
        return count if first else -count

    def _loose(self, low: int, high: int) -> range | set[int]:
        end = self.end()
        if low >= end:
            return range(low, high + 1)
        rows = self._connection.exec_driver_sql(
            "SELECT message FROM form WHERE message BETWEEN ? AND ?", (low, min(high, end - 1))
        )
        odd = set(rows.scalars())
        if not odd:
            return range(end, high + 1)
        return odd.union(range(end, high + 1))

    def end(self) -> int:
        """Return the id from which on no form is in a run."""
        if self._end is None:
            run = self._connection.exec_driver_sql("SELECT next FROM form_run").scalar_one()
            self._end = run << RUN_BITS
        return self._end

    def open(self, piece: Piece, run: int) -> Packed | None:
        """Return a piece of *run*, None if nothing of it is left; raises StoreDamaged."""
        row = (
            self._ahead.pop((piece, run), None)
            or self._connection.exec_driver_sql(
                f"SELECT size, coding, octets FROM {piece.value} WHERE run = ?",  # noqa: S608  # literals
                (run,),
            ).one_or_none()
        )
        if row is None:
            return None
        size, how, stored = row
        return unpack(coding.decode(how, stored, size), _SHAPES[piece])

    def read_ahead(self, pieces: Iterable[Piece], first: int, last: int, octets_max: int) -> None:
        """Read these pieces of the first runs from *first* to *last* in one go; they are opened next.

        Of ``_ABREAST`` runs at most, and of each piece about *octets_max*.
        """
        for piece in pieces:
            row = self._connection.exec_driver_sql(_abreast(piece), (first, last, octets_max)).one()
            for n in range(_ABREAST):
                size, how, stored = row[3 * n : 3 * n + 3]
                if stored is not None:
                    self._ahead[piece, first + n] = size, how, stored

    def open_all(self, pieces: Iterable[Piece], run: int) -> list[Packed]:
        """Return these pieces of *run*, none of them if nothing is left of it.

        Raises:
            StoreDamaged: They do not open, or are not of the same messages.
        """
        opened = [self.open(piece, run) for piece in pieces]
        whole = [piece for piece in opened if piece is not None]
        if whole and (len(whole) < len(opened) or len({piece.slots for piece in whole}) > 1):
            raise StoreDamaged(f"the forms of run {run} do not belong together")
        return whole

    def forms(self, messages: Iterable[MessageId]) -> Iterator[tuple[MessageId, MessageForm]]:
        """Yield the forms of those of *messages* that are in a run; raises StoreDamaged."""
        for run, some in groupby(messages, key=lambda message: message >> RUN_BITS):
            pieces = self.open_all(Piece, run)
            for message in some if pieces else ():
                for at in pieces[0].positions([message & _SLOT]):
                    yield message, _form(pieces, at)


@cache
def _abreast(piece: Piece) -> str:
    """Return the query for size, coding and octets of runs that follow each other, in one row.

    The driver gives the interpreter away for each row and takes it back, and so waits for whoever holds it.
    """
    runs = range(_ABREAST)
    told = ", ".join(f"r{n}.size, r{n}.coding, r{n}.octets" for n in runs)
    before = ["0", *(" + ".join(f"ifnull(r{m}.size, 0)" for m in range(n)) for n in runs[1:])]
    joined = "".join(
        f" LEFT JOIN {piece.value} AS r{n} ON r{n}.run = ?1 + {n} AND ?1 + {n} <= ?2 AND {before[n]} < ?3"
        for n in runs
    )
    return f"SELECT {told} FROM (SELECT 1){joined}"  # noqa: S608  # literals


def forms(connection: sa.Connection, messages: Sequence[MessageId]) -> dict[MessageId, MessageForm]:
    """Return the forms of those of *messages* that have one; raises StoreDamaged."""
    rows = connection.exec_driver_sql(form_row.SELECT, (json.dumps(list(messages)),))
    found = {MessageId(row[0]): form_row.from_row(row) for row in rows.cursor.fetchall()}
    if len(found) < len(messages):
        runs = Runs(connection)
        found.update(runs.forms(message for message in messages if message not in found))
    return found


def _form(pieces: Sequence[Packed], at: int) -> MessageForm:
    _, head, told, rest = pieces

    def text(piece: Packed, column: int) -> bytes:
        return piece.text(column, at) or b""

    sent = rest.numbers(1)[at]
    return MessageForm(
        size=told.numbers(0)[at],
        header_end=rest.numbers(0)[at],
        fields=listed.fields_of(text(head, 1)),
        envelope=text(told, 0),
        bodystructure=text(told, 1),
        body=text(told, 2),
        parts=PartMapOctets(text(rest, 0)),
        sent=None if sent == _NO_DATE else sent,
        message_id=text(rest, 1),
        base_subject=text(rest, 2).decode(),
    )


# ── packing ──────────────────────────────────────────────────────────────────────────
def pack_next(connection: sa.Connection, newest: int) -> bool:
    """Pack the next run if all its ids are given, *newest* being the last; tell if there are more.

    Crash before the commit: its forms are rows as before, and it is packed later.
    """
    ask = connection.exec_driver_sql
    ends = (newest + 1) >> RUN_BITS  # runs before this one are whole
    run = ask("SELECT next FROM form_run").scalar_one()
    if run >= ends:
        return False
    first = ask("SELECT min(message) FROM form WHERE message >= ?", (run << RUN_BITS,)).scalar()
    run = ends if first is None else min(first >> RUN_BITS, ends)
    if run < ends:
        _pack(connection, run)
        run += 1
    ask("UPDATE form_run SET next = ?", (run,))
    return bool(run < ends)


def _pack(connection: sa.Connection, run: int) -> None:
    low, high = run << RUN_BITS, (run << RUN_BITS) | _SLOT
    rows = connection.exec_driver_sql(_SELECT, (low, high)).all()
    if not rows:
        return
    (
        messages, sizes, dates, envelopes, structures, bodies, headers, fields,
        header_ends, sent, parts, ids, subjects,
    ) = zip(*rows, strict=True)  # fmt: skip
    slots = [message & _SLOT for message in messages]
    sent = tuple(_NO_DATE if at is None else at for at in sent)
    subjects = tuple(subject.encode() for subject in subjects)
    lists, heads, tables = zip(*map(_in_halves, headers, fields), strict=True)
    for piece, numbers, texts in (
        (Piece.LIST, (sizes, dates), (lists,)),
        (Piece.HEAD, (), (heads, tables)),
        (Piece.TOLD, (sizes, dates), (envelopes, structures, bodies)),
        (Piece.REST, (header_ends, sent), (parts, ids, subjects)),
    ):
        _store(connection, piece, run, pack(slots, numbers, texts))
    connection.exec_driver_sql(
        "DELETE FROM form WHERE message = ?", [(message,) for message in messages]
    )


def _in_halves(header: bytes | None, packed: bytes) -> tuple[bytes | None, bytes | None, bytes]:
    fields = field_table.unpack(packed)
    return (None, None, listed.table(fields)) if header is None else listed.halves(header, fields)


def _store(connection: sa.Connection, piece: Piece, run: int, octets: bytes) -> None:
    how, stored = coding.encode(octets)
    connection.exec_driver_sql(
        f"INSERT OR REPLACE INTO {piece.value} VALUES (?, ?, ?, ?)",  # noqa: S608  # literals
        (run, len(octets), how, stored),
    )


# ── forgetting ───────────────────────────────────────────────────────────────────────
def of_few_runs(messages: Sequence[int], runs_max: int) -> Sequence[int]:
    """Return the first of ascending *messages*, of at most so many runs."""
    seen: set[int] = set()
    for at, message in enumerate(messages):
        seen.add(message >> RUN_BITS)
        if len(seen) > runs_max:
            return messages[:at]
    return messages


def forget(connection: sa.Connection, messages: Sequence[int]) -> None:
    """Write the runs of ascending *messages* anew without them; rows of ``form`` are not touched."""
    runs = Runs(connection)
    for run, some in groupby(messages, key=lambda message: message >> RUN_BITS):
        gone = [message & _SLOT for message in some]
        for piece in Piece:
            there = runs.open(piece, run)
            if there is None or not any(slot in there.slots for slot in gone):
                continue
            if set(there.slots) <= set(gone):
                _drop(connection, piece, run)
            else:
                _store(connection, piece, run, there.without(gone))


def drop(connection: sa.Connection, run: int) -> None:
    """Forget a run, whatever is in it."""
    for piece in Piece:
        _drop(connection, piece, run)


def _drop(connection: sa.Connection, piece: Piece, run: int) -> None:
    connection.exec_driver_sql(f"DELETE FROM {piece.value} WHERE run = ?", (run,))  # noqa: S608  # literals


def whole(connection: sa.Connection) -> Iterator[tuple[int, bytes | None]]:
    """Yield every run there is, and the slots in it; None if it does not open."""
    runs = Runs(connection)
    every = " UNION ".join(f"SELECT run FROM {piece.value}" for piece in Piece)  # noqa: S608  # literals
    for run in connection.exec_driver_sql(f"{every} ORDER BY run").scalars().all():
        try:
            yield run, runs.open_all(Piece, run)[0].slots
        except StoreDamaged:
            yield run, None
