"""What never changes about thousands of messages, read in as few pages and steps as it takes.

Of messages whose forms are in runs a piece is opened for 128 at once; of the others, which are the
newest, rows are read.  One reading is of one kind and stops where the other begins.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import closing
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from mx_core.mime import field_table, listed
from mx_core.model.errors import StoreDamaged
from mx_core.model.ids import MessageId
from mx_core.model.message import Fact, FactColumns, HeaderHalves
from mx_core.store.forms.runs import RUN, RUN_BITS, Piece, Runs

if TYPE_CHECKING:
    import sqlalchemy as sa

_OCTETS_MAX: Final = 1 << 20  # about, of one reading
_MANY: Final = 4 * RUN  # whoever asks for so many goes on
_RUN_OF: Final = (
    RUN_BITS.__rrshift__
)  # of a message; thousands are asked, and a function takes longer
_OF_MESSAGE: Final = {Fact.SIZE: "message.size", Fact.INTERNAL_DATE: "message.internal_date"}
_OF_FORM: Final = {
    Fact.SIZE: "form.size",
    Fact.ENVELOPE: "form.envelope",
    Fact.BODYSTRUCTURE: "form.bodystructure",
    Fact.BODY: "form.body",
    Fact.LISTED: "form.fields",
    Fact.HEADER: "form.fields",
}
_WEIGHTS: Final = {
    Fact.LISTED: " + form.header_end",
    Fact.HEADER: " + form.header_end + length(form.fields)",
    Fact.ENVELOPE: " + length(form.envelope)",
    Fact.BODYSTRUCTURE: " + length(form.bodystructure)",
    Fact.BODY: " + length(form.body)",
}
_NUMBERS: Final = {Fact.SIZE: 0, Fact.INTERNAL_DATE: 1}  # columns of Piece.TOLD, and of Piece.LIST
_TEXTS: Final = {Fact.ENVELOPE: 0, Fact.BODYSTRUCTURE: 1, Fact.BODY: 2}
_OF_HEADER: Final = {Fact.LISTED: (Piece.LIST,), Fact.HEADER: (Piece.LIST, Piece.HEAD)}

HeaderOf = Callable[[MessageId, int], bytes]  # the octets of a message up to an offset


def read(
    connection: sa.Connection,
    messages: Sequence[MessageId],
    asked: Sequence[Fact],
    header_of: HeaderOf,
) -> FactColumns:
    """Return each fact of the first of *messages*: of as many as about 1 MiB holds.

    No fact is asked for twice.  Fewer, or none, where a message is no longer kept.
    """
    if not messages:
        return [[] for _ in asked]
    if any(fact not in _OF_MESSAGE for fact in asked):
        runs = Runs(connection)
        packed = runs.among(messages)
        if packed > 0:
            return _of_runs(runs, messages[:packed], asked, header_of)
        messages = messages[:-packed]
    return _of_rows(connection, messages, asked, header_of)


# ── from runs ────────────────────────────────────────────────────────────────────────
def _of_runs(
    runs: Runs, messages: Sequence[MessageId], asked: Sequence[Fact], header_of: HeaderOf
) -> FactColumns:
    told: list[list[Any]] = [[] for _ in asked]
    count, left = 0, _OCTETS_MAX
    tables = _tables(asked)
    first, last = messages[0] >> RUN_BITS, ((messages[-1] + 1) >> RUN_BITS) - 1
    if 0 < last - first < len(messages) // RUN:  # some whole runs that follow each other
        runs.read_ahead(tables, first, last, _OCTETS_MAX)
    for run, wanted in _by_run(messages):
        if count + len(wanted) == len(messages) >= _MANY and len(wanted) < RUN:
            break  # more is asked for next: a run is not to be opened twice
        pieces = _Pieces(runs, run, tables)
        at = pieces.positions([message & (RUN - 1) for message in wanted])
        if not at:
            break
        for column, fact in zip(told, asked, strict=True):
            column.extend(pieces.column(fact, wanted, at, header_of))
        count += len(at)
        left -= pieces.octets * len(at) // RUN
        if left <= 0 or len(at) < len(wanted):
            break
    return told


def _by_run(messages: Sequence[MessageId]) -> Iterable[tuple[int, Sequence[MessageId]]]:
    """Yield *messages* run by run, in their order."""
    if sorted(messages) != messages:  # somebody has moved mail
        for run, some in groupby(messages, key=_RUN_OF):
            yield run, list(some)
        return
    at = 0
    while at < len(messages):
        run = messages[at] >> RUN_BITS
        begun, at = at, bisect_left(messages, (run + 1) << RUN_BITS, at)
        yield run, messages[begun:at]


def _tables(asked: Sequence[Fact]) -> set[Piece]:
    """Return the pieces that facts are in."""
    tables = {table for fact in asked for table in _OF_HEADER.get(fact, ())}
    if not tables or any(fact in _TEXTS for fact in asked):
        tables.add(Piece.TOLD)
    return tables


class _Pieces:
    """The *tables* of one run."""

    def __init__(self, runs: Runs, run: int, tables: Collection[Piece]) -> None:
        self._runs = runs
        self._run = run
        self._opened = dict(zip(tables, runs.open_all(tables, run), strict=False))

    @property
    def octets(self) -> int:
        return sum(len(piece.octets) for piece in self._opened.values())

    def positions(self, slots: Sequence[int]) -> Sequence[int]:
        """Return where those *slots* stand, up to the first that is not there."""
        for piece in self._opened.values():
            return piece.positions(slots)
        return ()

    def column(
        self, fact: Fact, wanted: Sequence[MessageId], at: Sequence[int], header_of: HeaderOf
    ) -> Sequence[Any]:
        if fact in _NUMBERS:
            either = self._opened.get(Piece.TOLD) or self._opened[Piece.LIST]
            return _chosen(either.numbers(_NUMBERS[fact]), at)
        if fact in _TEXTS:
            return _chosen(self._opened[Piece.TOLD].texts(_TEXTS[fact]), at)
        lists = _chosen(self._opened[Piece.LIST].texts(0), at)
        if fact is Fact.LISTED:
            if None not in lists:
                return lists
            long = self._long(wanted, at, lists, header_of)
            return [long[n][0] if text is None else text for n, text in enumerate(lists)]
        head = self._opened[Piece.HEAD]
        both = list(zip(lists, *(_chosen(head.texts(n), at) for n in (0, 1)), strict=True))
        if None in lists:
            long = self._long(wanted, at, lists, header_of)
            return [long.get(n, halves) for n, halves in enumerate(both)]
        return both

    def _long(
        self,
        wanted: Sequence[MessageId],
        at: Sequence[int],
        lists: Sequence[Any],
        header_of: HeaderOf,
    ) -> dict[int, HeaderHalves]:
        """Return those headers that no run takes, from the bodies, by their places among *wanted*."""
        head, rest = (self._runs.open(piece, self._run) for piece in (Piece.HEAD, Piece.REST))
        if head is None or rest is None:
            raise StoreDamaged(f"the forms of run {self._run} do not belong together")
        tables, ends = _chosen(head.texts(1), at), _chosen(rest.numbers(0), at)
        return {
            n: listed.halves(header_of(wanted[n], ends[n]), listed.fields_of(tables[n]))
            for n, text in enumerate(lists)
            if text is None
        }


def _chosen(column: Sequence[Any], at: Sequence[int]) -> Sequence[Any]:
    if isinstance(at, range):  # all of them
        return column
    return tuple(map(column.__getitem__, at))


# ── from rows ────────────────────────────────────────────────────────────────────────
def _of_rows(
    connection: sa.Connection,
    messages: Sequence[MessageId],
    asked: Sequence[Fact],
    header_of: HeaderOf,
) -> FactColumns:
    run = messages[-1] - messages[0] == len(messages) - 1  # as good as always ascending ids
    chosen = (messages[0], messages[-1]) if run else (json.dumps(list(messages)),)
    result = connection.exec_driver_sql(_query(asked, run=run), chosen)
    rows: list[Any] = []
    left = _OCTETS_MAX
    with closing(result):  # a statement left half way would hold its transaction open
        driver: Any = result.cursor
        for message, row in zip(messages, driver, strict=False):
            if row[-1] != message:
                break
            rows.append(row)
            left -= row[-2]
            if left <= 0:
                break
    if not rows:
        return [[] for _ in asked]
    columns = list(zip(*rows, strict=True))
    told: list[Sequence[Any]] = list(columns[: len(asked)])
    if any(fact in _OF_HEADER for fact in asked):
        ends, headers = columns[len(asked) : len(asked) + 2]
        if None in headers:  # long, or older than the column
            found = zip(messages, ends, headers, strict=False)
            headers = tuple(header_of(m, e) if h is None else h for m, e, h in found)
        at = next(n for n, fact in enumerate(asked) if fact in _OF_HEADER)
        halves = list(map(listed.halves, headers, map(field_table.unpack, told[at])))
        for n, fact in enumerate(asked):
            if fact in _OF_HEADER:
                told[n] = halves if fact is Fact.HEADER else [each[0] for each in halves]
    return told


def _query(asked: Sequence[Fact], *, run: bool) -> str:
    # the form alone, or the row of the message alone, if one of them knows all
    of_form = any(fact not in _OF_MESSAGE for fact in asked)
    of_message = not of_form or any(fact not in _OF_FORM for fact in asked)
    names = {**_OF_MESSAGE, **_OF_FORM} if of_form else _OF_MESSAGE
    columns = [names[fact] for fact in asked]
    if any(fact in _OF_HEADER for fact in asked):
        columns += ["form.header_end", "form.header"]
    weight = "64" + "".join(_WEIGHTS.get(fact, "") for fact in asked)
    id_ = "message.id" if of_message else "form.message"
    tables = "message" if of_message else "form"
    joined = " JOIN form ON form.message = message.id" if of_message and of_form else ""
    told = ", ".join([*columns, weight, id_])
    if run:
        return f"SELECT {told} FROM {tables}{joined} WHERE {id_} BETWEEN ? AND ? ORDER BY {id_}"  # noqa: S608  # literals
    return f"SELECT {told} FROM json_each(?) AS asked JOIN {tables} ON {id_} = asked.value{joined}"  # noqa: S608  # literals
