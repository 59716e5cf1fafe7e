"""Runs become fewer: neighbours are joined, and messages that are gone leave.

Eight runs of a size become one of the next, so a message's words are written a few times and a
search asks a few dozen runs at most, however much mail there is.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Final

from mx_core.db.database import Database
from mx_core.store.text_index import block, postings, runs
from mx_core.store.text_index.block import Block, Entry
from mx_core.store.text_index.message_list import NUMBERS
from mx_core.store.text_index.postings import Where
from mx_core.store.text_index.runs import Run
from mx_core.store.text_index.words import Breathe

FAN_IN: Final = 8
_SMALLEST_OCTETS: Final = 16 * 1024  # of words: runs below are all of one size
_GONE_SHARE: Final = 16  # a run is written anew when one in so many of its messages is gone
_GONE_SECONDS: Final = 24 * 3600  # or when anything is gone and it is as old as this
_STEP_WORDS: Final = 512  # of each run, that are put in order together


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
    readers = [_Words(database, run, run.first_message - base) for run in those]
    while readers := [reader for reader in readers if reader.has_more()]:
        until = min(reader.next_step() for reader in readers)
        one: dict[bytes, _Place] = {}
        many: dict[bytes, list[_Place]] = {}  # of words that stand in more than one run
        for reader in readers:
            some = reader.take(until)
            for word in one.keys() & some.keys():
                many.setdefault(word, [one[word]]).append(some[word])
            one.update(some)
        breathe()
        for word in sorted(one):
            places = many.get(word) or (one[word],)
            where = postings.join([(reader.by, reader.where(entry)) for reader, entry in places])
            if there is None:
                yield word, where
            elif (left := _left(where, there)) is not None:
                yield word, left


def _left(where: Where, there: bytearray) -> Where | None:
    """Return *where* without messages that are gone; None if nothing is left."""
    headers, bodies = (
        array(NUMBERS, [message for message in messages if there[message]])
        for messages in postings.unpack(where)
    )
    return postings.pack(headers, bodies) if headers or bodies else None


class _Words:
    """The words of one run, read in order; its messages count from *by* later."""

    def __init__(self, database: Database, run: Run, by: int) -> None:
        self.by = by
        self._database = database
        self._run = run
        self._blocks = 0  # that were read
        self._at = 0
        self._words: list[bytes] = []
        self._entries = array(NUMBERS)
        self._lists = b""

    def has_more(self) -> bool:
        """Tell whether there is a word yet; reads the next block if it is time."""
        if self._at < len(self._words):
            return True
        if self._blocks == self._run.blocks:
            return False
        self._words, self._entries, self._lists = block.parts(
            _block(self._database, self._run, self._blocks)
        )
        self._at = 0
        self._blocks += 1
        return True

    def next_step(self) -> bytes:
        """Return the last word of the next step, if it is this run's to say."""
        return self._words[min(self._at + _STEP_WORDS, len(self._words)) - 1]

    def take(self, until: bytes) -> dict[bytes, _Place]:
        """Return the words up to *until* and their entries."""
        start, self._at = self._at, bisect_right(self._words, until, self._at)
        entries = self._entries[start : self._at]
        return dict(zip(self._words[start : self._at], zip(repeat(self), entries), strict=True))

    def where(self, entry: int) -> Where:
        """Return what *entry* stands for; of words that were taken since a block was read."""
        return postings.where(entry, self._lists)


_Place = tuple[_Words, int]


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
