"""The runs of an index as rows: immutable once whole, each of a range of messages.

Runs do not overlap and ascend by message; a new one stands for the newest messages, or takes the
place of neighbours.  A run in the making is seen by nobody; one to be removed neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from mx_core.model.ids import MessageId
from mx_core.store.text_index import grams
from mx_core.store.text_index.block import Block

if TYPE_CHECKING:
    import sqlalchemy as sa

_ID_SPAN: Final = 1 << 20
_BUILDING, _WHOLE, _DOOMED = range(3)
GRAMS_FROM_BLOCKS: Final = 8  # a run of fewer is looked through faster
_REMOVE_ROWS: Final = 64  # of blocks in one job, so that nobody waits for a large removal


class Run(Struct, frozen=True):
    """One run; *octets* is of its words."""

    id: int
    first_message: MessageId
    end_message: MessageId
    messages: int
    blocks: int
    octets: int
    written: int  # unix seconds


def whole(connection: sa.Connection) -> list[Run]:
    """Return the runs that answer, ascending by message."""
    rows = connection.exec_driver_sql(
        "SELECT id, first_message, end_message, messages, blocks, octets, written FROM run"
        " WHERE phase = ? ORDER BY first_message",
        (_WHOLE,),
    )
    return [Run(*row) for row in rows]


def begin(connection: sa.Connection, first: MessageId, end: MessageId, written: int) -> int:
    """Make a run that nobody sees yet, and return its id.

    Crash after the commit: it is removed at the next start.
    """
    return int(
        connection.exec_driver_sql(
            "INSERT INTO run (phase, first_message, end_message, messages, blocks, octets, written)"
            " VALUES (?, ?, ?, 0, 0, 0, ?)",
            (_BUILDING, first, end, written),
        ).lastrowid
    )


def add_blocks(connection: sa.Connection, run: int, first: int, blocks: Sequence[Block]) -> None:
    """Store *blocks*, the first of which is number *first* of the run."""
    for number, block in enumerate(blocks, first):
        connection.exec_driver_sql(
            "INSERT INTO block VALUES (?, ?, ?)",
            (run * _ID_SPAN + number, block.words, block.postings),
        )
    connection.exec_driver_sql(
        "UPDATE run SET blocks = blocks + ?, octets = octets + ? WHERE id = ?",
        (len(blocks), sum(len(block.words) for block in blocks), run),
    )


def add_grams(connection: sa.Connection, run: int, group: int, slices: Iterable[bytes]) -> None:
    """Store the rows of the run's *group*."""
    start = run * _ID_SPAN + group * grams.SLICES
    for number, bits in enumerate(slices, start):
        connection.exec_driver_sql("INSERT INTO gram VALUES (?, ?)", (number, bits))


def finish(connection: sa.Connection, run: int, messages: int, replaced: Sequence[Run]) -> None:
    """Let the run answer in the place of *replaced*, which are to be removed."""
    connection.exec_driver_sql(
        "UPDATE run SET phase = ?, messages = ? WHERE id = ?", (_WHOLE, messages, run)
    )
    for old in replaced:
        connection.exec_driver_sql("UPDATE run SET phase = ? WHERE id = ?", (_DOOMED, old.id))


def doom_unfinished(connection: sa.Connection) -> None:
    """Give up what a stop has left half made; at start, when nothing is in the making."""
    connection.exec_driver_sql("UPDATE run SET phase = ? WHERE phase = ?", (_DOOMED, _BUILDING))


def remove_some(connection: sa.Connection) -> bool:
    """Remove a part of the runs to be removed; return whether there may be more.

    Crash between two parts: the rest goes at the next start.
    """
    doomed = connection.exec_driver_sql(
        "SELECT id FROM run WHERE phase = ? LIMIT 1", (_DOOMED,)
    ).scalar()
    if doomed is None:
        return False
    span = (doomed * _ID_SPAN, (doomed + 1) * _ID_SPAN, _REMOVE_ROWS)
    for table in ("block", "gram"):
        removed = connection.exec_driver_sql(
            f"DELETE FROM {table} WHERE id IN"  # noqa: S608  # one of two literals
            f" (SELECT id FROM {table} WHERE id >= ? AND id < ? LIMIT ?)",
            span,
        ).rowcount
        if removed:
            return True
    connection.exec_driver_sql("DELETE FROM run WHERE id = ?", (doomed,))
    return True


def words(connection: sa.Connection, run: Run, number: int) -> bytes:
    """Return the vocabulary of one block."""
    return bytes(
        connection.exec_driver_sql(
            "SELECT words FROM block WHERE id = ?", (run.id * _ID_SPAN + number,)
        ).scalar_one()
    )


def postings(connection: sa.Connection, run: Run, number: int) -> bytes:
    """Return where the words of one block stand."""
    return bytes(
        connection.exec_driver_sql(
            "SELECT postings FROM block WHERE id = ?", (run.id * _ID_SPAN + number,)
        ).scalar_one()
    )


def possible_blocks(connection: sa.Connection, run: Run, term: bytes) -> list[int]:
    """Return the numbers of the blocks that can hold *term* in a word, ascending."""
    rows = grams.rows_of(term)
    if not rows or run.blocks < GRAMS_FROM_BLOCKS:
        return list(range(run.blocks))
    possible: list[int] = []
    for group, first in enumerate(range(0, run.blocks, grams.GROUP_BLOCKS)):
        count = min(run.blocks - first, grams.GROUP_BLOCKS)
        bits = _common(connection, run.id * _ID_SPAN + group * grams.SLICES, rows, count)
        possible += [first + number for number in grams.blocks_of(bits)]
    return possible


def _common(
    connection: sa.Connection, start: int, rows: Sequence[tuple[int, int]], count: int
) -> int:
    width = grams.row_octets(count)
    bits = (1 << count) - 1
    for number, row in rows:
        octets = connection.exec_driver_sql(
            "SELECT substr(bits, ?, ?) FROM gram WHERE id = ?",
            (row * width + 1, width, start + number),
        ).scalar_one()
        bits &= int.from_bytes(octets, "little")
        if not bits:
            break
    return bits
