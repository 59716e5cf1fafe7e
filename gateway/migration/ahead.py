"""Batches that are prepared, and whose long messages go to the disk, while others are stored.

What was written for a batch that is stored no more is removed; what is still being written when an
import ends is waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from mx_core.model.errors import MailError
from mx_core.store.bodies.ahead import BodiesAhead
from mx_core.store.ledger.batch import Brought

Coming = asyncio.Future[list[Brought]]


class Ahead:
    """Of one folder of a source."""

    def __init__(self, bodies: BodiesAhead) -> None:
        """Nothing is written yet."""
        self._bodies = bodies
        self._coming: set[Coming] = set()

    def begin(self, prepare: Callable[[], Sequence[Brought]]) -> Coming:
        """Prepare a batch and write its files on a thread; what comes is the batch with its files.

        It is awaited shielded: the thread goes on, whoever gives up.
        """
        coming = asyncio.get_running_loop().run_in_executor(None, self._written, prepare)
        self._coming.add(coming)
        return coming

    async def stored(self, coming: Coming, *, whole: bool) -> None:
        """Take note that the batch is stored; unless it is *whole*, files may be of no use."""
        self._coming.discard(coming)
        if not whole:
            await self._remove(coming)

    async def let_go(self) -> None:
        """Wait for what is being written, and remove what was written for nothing."""
        while self._coming:
            coming = self._coming.pop()
            await asyncio.wait({coming})
            with contextlib.suppress(MailError):  # then it is removed at the next open
                await self._remove(coming)

    async def _remove(self, coming: Coming) -> None:
        if not coming.cancelled() and coming.exception() is None:
            files = [each.file for each in coming.result() if each.file is not None]
            await self._bodies.let_go(files)

    def _written(self, prepare: Callable[[], Sequence[Brought]]) -> list[Brought]:
        batch = prepare()
        files = self._bodies.write([each.octets for each in batch])
        return [replace(each, file=file) for each, file in zip(batch, files, strict=True)]
