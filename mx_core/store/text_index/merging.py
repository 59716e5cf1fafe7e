"""Runs become fewer: neighbours are joined, and messages that are gone leave.

Eight runs of a size become one of the next, so a message's words are written a few times and a
search asks a few dozen runs at most, however much mail there is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge
from typing import Final

from mx_core.db.database import Database
from mx_core.store.text_index import block, runs
from mx_core.store.text_index.block import Block, Entry
from mx_core.store.text_index.runs import Run
from mx_core.store.text_index.words import Breathe

FAN_IN: Final = 8
_SMALLEST_OCTETS: Final = 16 * 1024  # of words: runs below are all of one size
_GONE_SHARE: Final = 16  # a run is written anew when one in so many of its messages is gone
_GONE_SECONDS: Final = 24 * 3600  # or when anything is gone and it is as old as this


def to_join(those: Sequence[Run], fan_in: int) -> Sequence[Run]:
    """Return the newest of *those*, ascending by message, if *fan_in* or more are of a size."""
    sizes = [_size(run) for run in those]
    for size in sorted(set(sizes)):
        first = len(those)
        while first and sizes[first - 1] <= size:
            first -= 1
        if sizes[first:].count(size) >= fan_in:
            return those[first:]
    return ()


def is_stale(run: Run, there: int, now: float) -> bool:
    """Tell whether *run*, of whose messages *there* are still there, is to be written anew."""
    gone = run.messages - there
    return gone > 0 and (gone * _GONE_SHARE >= run.messages or now - run.written >= _GONE_SECONDS)


def joined(
    database: Database, those: Sequence[Run], there: bytearray | None, breathe: Breathe
) -> Iterator[Entry]:
    """Yield the words of *those* in order; of the messages that are 1 in *there*, or of all.

    Messages count from the first of the first run.
    """
    base = those[0].first_message
    streams = [
        _shifted(database, run, place, run.first_message - base, breathe)
        for place, run in enumerate(those)
    ]
    word = b""
    headers: list[int] = []
    bodies: list[int] = []
    for found, _, in_headers, in_bodies in merge(*streams):
        if found != word:
            if headers or bodies:
                yield word, headers, bodies
            word, headers, bodies = found, [], []
        if there is None:
            headers += in_headers
            bodies += in_bodies
        else:
            headers += [message for message in in_headers if there[message]]
            bodies += [message for message in in_bodies if there[message]]
    if headers or bodies:
        yield word, headers, bodies


def _shifted(
    database: Database, run: Run, place: int, by: int, breathe: Breathe
) -> Iterator[tuple[bytes, int, list[int], list[int]]]:
    for number in range(run.blocks):
        for word, headers, bodies in block.entries(_block(database, run, number), breathe):
            yield word, place, [m + by for m in headers], [m + by for m in bodies]


def _block(database: Database, run: Run, number: int) -> Block:
    return database.read_blocking(
        lambda connection: Block(
            runs.words(connection, run, number), runs.postings(connection, run, number)
        )
    )


def _size(run: Run) -> int:
    size, octets = 0, run.octets // _SMALLEST_OCTETS
    while octets:
        size, octets = size + 1, octets // FAN_IN
    return size
