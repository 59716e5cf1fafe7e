"""A run on its way into the index: written in pieces, seen when it is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from mx_core.db import failpoint
from mx_core.db.database import Database
from mx_core.model.ids import MessageId
from mx_core.store.text_index import runs
from mx_core.store.text_index.block import Block
from mx_core.store.text_index.grams import GROUP_BLOCKS, Group
from mx_core.store.text_index.runs import GRAMS_FROM_BLOCKS, Run
from mx_core.store.text_index.words import Breathe

if TYPE_CHECKING:
    import sqlalchemy as sa

_PIECE_OCTETS = 1 << 20  # of words and postings in one transaction
_Job: TypeAlias = "Callable[[sa.Connection, int], None]"  # told the run's id


class RunWriter:
    """Writes one run; blocks its thread."""

    def __init__(
        self, database: Database, first: MessageId, end: MessageId, now: int, breathe: Breathe
    ) -> None:
        self._database = database
        self._span = (first, end, now)
        self._breathe = breathe
        self._run: int | None = None
        self._waiting: list[_Job] = []
        self._octets = 0
        self._blocks = 0
        self._groups = 0
        self._group = Group()
        self._few: list[bytes] = []  # words of the first blocks: a run of few needs no rows

    def write(
        self,
        blocks: Iterable[Block],
        messages: int,
        replaced: Sequence[Run],
        also: Callable[[sa.Connection], None],
    ) -> None:
        """Write *blocks*, ascending by word; the last transaction does *also* as well.

        Crash before the last commit: *replaced* answer as before, and what was written of the
        run is removed at the next start.  After it: the run answers, *replaced* are removed.
        """
        for made in blocks:
            self._add(made)
        if self._group.blocks:
            self._close_group()
        self._waiting.append(
            lambda connection, run: runs.finish(connection, run, messages, replaced)
        )
        self._waiting.append(lambda connection, _run: also(connection))
        self._flush()
        failpoint.reach("indexed")

    def _add(self, made: Block) -> None:
        first = self._blocks
        self._waiting.append(
            lambda connection, run: runs.add_blocks(connection, run, first, [made])
        )
        self._blocks += 1
        self._few.append(made.words)
        if self._blocks >= GRAMS_FROM_BLOCKS:
            for words in self._few:
                self._group.add(words, self._breathe)
            self._few.clear()
        self._octets += len(made.words) + len(made.postings)
        if self._group.blocks == GROUP_BLOCKS:
            self._close_group()
        if self._octets >= _PIECE_OCTETS:
            self._flush()
            failpoint.reach("indexing")

    def _close_group(self) -> None:
        slices, number = list(self._group.slices()), self._groups
        self._waiting.append(
            lambda connection, run: runs.add_grams(connection, run, number, slices)
        )
        self._groups += 1
        self._group = Group()

    def _flush(self) -> None:
        waiting, self._waiting, self._octets = self._waiting, [], 0

        def job(connection: sa.Connection) -> int:
            run = self._run
            if run is None:
                run = runs.begin(connection, *self._span)
            for step in waiting:
                step(connection, run)
            return run

        self._run = self._database.write_at_start(job)
