"""Keys of headers for many messages at once, from packed columns that readers share.

A column is loaded when it is first asked for and kept within a bound, the one unused for
longest going first.  Nothing ever makes one stale: what stands for a message does not change.
A message whose rows are not made yet is read from its octets.
"""

from __future__ import annotations

import json
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from mx_core.model import header_keys
from mx_core.model.header_keys import (
    UNPREPARED,
    Hits,
    OrderNumber,
    OrderText,
    TextField,
    ThreadKeys,
    ThreadTable,
)
from mx_core.model.ids import MessageId
from mx_core.store.bodies.body import BodyReader
from mx_core.store.forms import header_key
from mx_core.store.forms.column import (
    CHUNK_BITS,
    Column,
    NumberColumn,
    TextColumn,
    ThreadColumn,
    joined,
    number_column,
    text_column,
    thread_column,
)
from mx_core.store.forms.doubles import Doubles
from mx_core.store.forms.header_key import Kind

if TYPE_CHECKING:
    import sqlalchemy as sa

_KEPT_OCTETS: Final = 64 * 1024 * 1024  # of all columns of an account
_NO_RUN: Final = range(0)
_DENSE: Final = 64  # of the 4,096 ids of a chunk, so many must be asked for to load all of it


@dataclass(slots=True)
class KeptColumns:
    """The columns that readers of one account share, by kind and number of the chunk."""

    columns: OrderedDict[tuple[Kind, int], Column] = field(default_factory=OrderedDict)
    octets: int = 0
    doubles: Doubles = field(default_factory=Doubles)  # of the thread columns there ever were
    _seen: dict[int, int] = field(default_factory=dict)  # up to which id, by chunk
    lock: Lock = field(default_factory=Lock)  # of all above

    def get(self, kind: Kind, chunk: int) -> Column | None:
        """Return a column that is kept."""
        with self.lock:
            column = self.columns.get((kind, chunk))
            if column is not None:
                self.columns.move_to_end((kind, chunk))
            return column

    def keep(self, kind: Kind, chunk: int, column: Column) -> None:
        """Keep *column*, and let go of those unused for longest."""
        with self.lock:
            before = self.columns.pop((kind, chunk), None)
            self.octets += column.size - (before.size if before else 0)
            self.columns[kind, chunk] = column
            while self.octets > _KEPT_OCTETS and len(self.columns) > 1:
                self.octets -= self.columns.popitem(last=False)[1].size

    def look_through(self, chunk: int, column: ThreadColumn, end: int, newest: int) -> None:
        """Find doubtful ids in *column*, which has the messages before *end* that there are.

        The *newest* message of all tells how many others there may be.
        """
        with self.lock:
            seen = self._seen.get(chunk, column.first)
            if end > seen:
                self.doubles.add(column.threads(seen, end).ids, newest)
                self._seen[chunk] = end

    def doubtful(self) -> AbstractSet[int]:
        """Return the ids that more than one message may have, of all that were looked through."""
        with self.lock:
            return frozenset(self.doubles.ids)


class Columns:
    """Reads keys within one job."""

    def __init__(self, connection: sa.Connection, bodies: BodyReader, kept: KeptColumns) -> None:
        self._connection = connection
        self._bodies = bodies
        self._kept = kept

    def holding(self, text: TextField, wanted: str, messages: Sequence[MessageId]) -> Hits:
        """See ``ports.MailReader.holding``."""
        octets = wanted.encode("utf-8", "replace")
        sure: set[int] = set()
        left: set[int] = set()
        for column in self._columns(text, messages):
            assert isinstance(column, TextColumn)  # noqa: S101  # by its kind
            sure.update(column.holding(octets))
            left.update(column.holding(UNPREPARED))
        return Hits(_ids(sure - left), _ids(left))

    def order_texts(self, text: OrderText, messages: Sequence[MessageId]) -> list[bytes]:
        """Return for each message the text to put it in order by."""
        return self._each(text, messages)

    def order_numbers(self, number: OrderNumber, messages: Sequence[MessageId]) -> list[int]:
        """Return for each message the number to judge it or put it in order by."""
        run = _run(messages)
        out = array("q")
        found: dict[int, int] = {}
        for column in self._columns(number, messages, run):
            assert isinstance(column, NumberColumn)  # noqa: S101  # by its kind
            numbers = column.numbers
            if run:
                low = max(run.start - column.first, 0)
                out += numbers[low : max(run.stop - column.first, 0)]
            else:
                found.update(zip(range(column.first, column.end), numbers, strict=True))
        return out.tolist() if run else list(map(found.__getitem__, messages))

    def within(self, number: OrderNumber, messages: Sequence[MessageId], holds: range) -> bytes:
        """Return for each message 1 if its number is in *holds*, else 0."""
        run = _run(messages)
        if not run:
            numbers = self.order_numbers(number, messages)
            return bytes([holds.start <= each < holds.stop for each in numbers])
        octets = bytearray()
        for column in self._columns(number, messages, run):
            assert isinstance(column, NumberColumn)  # noqa: S101  # by its kind
            octets += column.within(run.start, run.stop, holds)
        return bytes(octets)

    def thread_keys(self, messages: Sequence[MessageId]) -> ThreadTable:
        """Return for each message what joins it to others."""
        run = _run(messages)
        tables: list[ThreadTable] = []
        places: dict[int, int] = {}
        for column in self._columns(ThreadKeys, messages, run):
            assert isinstance(column, ThreadColumn)  # noqa: S101  # by its kind
            if run:
                tables.append(column.threads(run.start, run.stop))
            else:
                tables.append(column.table)
                ids = range(column.first, column.end)
                places.update(zip(ids, range(len(places), len(places) + len(ids)), strict=True))
        whole = header_keys.joined(tables)
        if not run:
            whole = whole.at(list(map(places.__getitem__, messages)))
        return replace(whole, judged=not _are_few(messages, _chunks(messages, run)))

    def doubtful_ids(self) -> AbstractSet[int]:
        """See ``keys_port.KeysReader``."""
        return self._kept.doubtful()

    def _each(self, kind: TextField | OrderText, messages: Sequence[MessageId]) -> list[bytes]:
        run = _run(messages)
        out: list[bytes] = []
        found: dict[int, bytes] = {}
        for column in self._columns(kind, messages, run):
            assert isinstance(column, TextColumn)  # noqa: S101  # by its kind
            if run:
                out += column.texts(run.start, run.stop)
            else:
                texts = column.texts(column.first, column.end)
                found.update(zip(range(column.first, column.end), texts, strict=True))
        return out if run else list(map(found.__getitem__, messages))

    def _columns(
        self, kind: Kind, messages: Sequence[MessageId], run: range = _NO_RUN
    ) -> Iterator[Column]:
        if not messages:
            return
        chunks = _chunks(messages, run)
        if _are_few(messages, chunks):
            chosen = "IN (SELECT value FROM json_each(?))"
            for message, key in self._rows(kind, chosen, json.dumps(list(messages))):
                yield _column(kind, message, [(message, key)])
            return
        high = run[-1] if run else max(messages)
        for chunk in chunks:
            yield self._chunk(kind, chunk, high)

    def _chunk(self, kind: Kind, chunk: int, needed: int) -> Column:
        """Return the column of a chunk of ids, as far as *needed*."""
        first, last = chunk << CHUNK_BITS, ((chunk + 1) << CHUNK_BITS) - 1
        column = self._kept.get(kind, chunk)
        if column is None or column.end <= min(needed, last):
            start = first if column is None else column.end
            more = self._joined(kind, start, last)
            if more is None:
                more = _column(kind, start, list(self._rows(kind, "BETWEEN ? AND ?", start, last)))
            column = more if column is None else joined(column, more)
            if isinstance(column, ThreadColumn):  # before others can see it
                newest = self._connection.exec_driver_sql("SELECT max(id) FROM message").scalar()
                end = max(column.end, min(needed, last) + 1)
                self._kept.look_through(chunk, column, end, newest or 0)
            self._kept.keep(kind, chunk, column)
        return column

    def _joined(self, kind: Kind, first: int, last: int) -> Column | None:
        """Return the column of the ids from *first* to *last*; None if some are not made yet."""
        run = self._connection.exec_driver_sql
        [messages] = run(
            "SELECT count(*) FROM message WHERE id BETWEEN ? AND ?", (first, last)
        ).one()
        count, low, high, *told = run(header_key.select_joined(kind), (first, last)).one()
        if count != messages:
            return None
        if not count:
            return _column(kind, first, [])
        ids: Sequence[int] = range(low, high + 1)
        if len(ids) != count:
            query = "SELECT id FROM message WHERE id BETWEEN ? AND ? ORDER BY id"
            ids = run(query, (first, last)).scalars().all()
        numbers = map(int, told[0].split(","))
        if isinstance(kind, OrderNumber):
            return number_column(first, ids, numbers)
        return _octets_column(kind, first, ids, told[1], numbers)

    def _rows(self, kind: Kind, chosen: str, *arguments: Any) -> Iterator[tuple[int, Any]]:
        found = self._connection.exec_driver_sql(header_key.select(kind, chosen), arguments)
        for row in found.cursor.fetchall():
            if row[-1] is None:
                keys = header_key.make(self._connection, self._bodies, MessageId(row[0]))
                yield row[0], header_key.key_of(kind, row, keys)
            else:
                yield row[0], row[1]


def _column(kind: Kind, first: int, rows: Sequence[tuple[int, Any]]) -> Column:
    """Return the column of *rows*, (message, key), ascending."""
    messages, keys = [row[0] for row in rows], [row[1] for row in rows]
    if isinstance(kind, OrderNumber):
        return number_column(first, messages, keys)
    return _octets_column(kind, first, messages, b"".join(keys), map(len, keys))


def _octets_column(
    kind: Kind, first: int, messages: Sequence[int], octets: bytes, lengths: Iterable[int]
) -> Column:
    column = text_column(first, messages, octets, lengths)
    if kind is not ThreadKeys:
        return column
    return thread_column(first, header_key.unpack_threads(column.texts(first, column.end)))


def _chunks(messages: Sequence[MessageId], run: range) -> range:
    low, high = (run[0], run[-1]) if run else (min(messages, default=0), max(messages, default=0))
    return range(low >> CHUNK_BITS, (high >> CHUNK_BITS) + 1)


def _are_few(messages: Sequence[MessageId], chunks: range) -> bool:
    return len(messages) < _DENSE * (len(chunks) - 1)


def _run(messages: Sequence[MessageId]) -> range:
    """Return the ids as a range if they follow each other, as they mostly do; else an empty one."""
    if isinstance(messages, range):
        return messages
    if not messages:
        return range(0)
    run = range(messages[0], messages[0] + len(messages))
    # the last one tells nearly always that they are none
    return run if messages[-1] == run[-1] and array("Q", messages) == array("Q", run) else range(0)


def _ids(numbers: set[int]) -> Any:
    """Return numbers as the ids that they are, without a call for each."""
    return numbers
