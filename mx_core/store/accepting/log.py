"""The log of what was accepted: one write and one sync for all that wait, and nothing else.

A commit of the database writes five times the octets and takes three times as long, and a mail program
waits for it.  What is here enters the database soon after, many together; until then the log alone has it,
and the next start reads it.  When the database has all of it the log begins anew, over its old octets, so
that it does not grow (which a sync would wait for).  docs/spec/accepted.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from mx_core.db.frame_file import FrameFile
from mx_core.db.frames import ADDED_OCTETS, RECORD_OCTETS_MAX, FrameKey
from mx_core.db.os_failure import UNCONFIRMED, translate_os
from mx_core.model.errors import StoreDamaged, Unavailable
from mx_core.model.secret import Secret
from mx_core.notation.hashing import b2

NAME: Final = "accepted.log"
_LABEL: Final = b"MX1.accepted"
OCTETS_MAX: Final = 32 * 1024 * 1024  # then the database is written at once again
KEPT_OCTETS: Final = 16 * 1024 * 1024  # more is given back to the disk at rest
_STEP_OCTETS: Final = 1024 * 1024  # by which it grows: once for a hundred messages
_TOGETHER: Final = 256
_REST_SECONDS: Final = 0.5


class _Waiting:
    """One record on its way; *announce* is told where it is, on the loop, before the caller goes on."""

    __slots__ = ("announce", "at", "begins", "error", "future", "loop", "record")

    def __init__(self, record: bytes, announce: Callable[[int], None], *, begins: bool) -> None:
        self.record = record
        self.announce = announce
        self.begins = begins  # all that was written before is in the database
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[None] = self.loop.create_future()
        self.at = 0
        self.error: Exception | None = None


class _Sign:
    """Something else that the thread is told."""


_REST: Final = _Sign()
_END: Final = _Sign()


class AcceptedLog:
    """See the module; one thread writes, all else is called on the loop, or before there is one."""

    def __init__(self, path: Path, key: Secret[bytes]) -> None:
        """Open or make the log at *path*; *key* is the account's.  Raises DiskFull, StoreDamaged."""
        secret = b2(_LABEL.decode(), [b""], key=key.reveal())
        self._file = FrameFile(
            path, FrameKey(_LABEL, secret), step_octets=_STEP_OCTETS, is_wiped_whole=False
        )
        try:
            # Crash in here: no log, and nobody was promised anything by it.
            self._file.open()
        except OSError as error:
            raise translate_os(error) from error
        self._intake: queue.SimpleQueue[_Waiting | _Sign] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._refusal: Exception | None = None
        self._alive = 0  # loop: given here, and not yet in the database
        self._planned = 0  # loop: octets of this round, also of what is still to be written

    def found(self) -> Iterator[bytes]:
        """Return what an earlier process has left, in its order; before anything is added."""
        return self._file.found()

    def has_room(self, octets: int) -> bool:
        """Tell whether a record of *octets* may be added."""
        taken = self._planned if self._alive else 0
        fits = taken + octets + ADDED_OCTETS <= OCTETS_MAX
        return fits and octets <= RECORD_OCTETS_MAX

    async def add(self, record: bytes, announce: Callable[[int], None]) -> None:
        """Return once *record* is on the disk, after *announce* was told where it is.

        As with ``Database.write`` it is written, and announced, also if the caller is cancelled once it has begun.

        Raises:
            DiskFull: It is not kept; the next one may be.
            StoreDamaged: The disk has failed; nothing more is taken.
        """
        if self._refusal is not None:
            raise self._refusal
        waiting = _Waiting(record, announce, begins=not self._alive)
        self._planned = len(record) + ADDED_OCTETS + (self._planned if self._alive else 0)
        self._alive += 1
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="accepted", daemon=True)
            self._thread.start()
        self._intake.put(waiting)
        await waiting.future

    def read(self, at: int) -> bytes:
        """Return the record at *at*, which was announced and is not done; raises StoreDamaged."""
        record = self._file.read(at)
        if record is None:
            raise StoreDamaged("what was accepted can not be read again")
        return record

    def done(self, many: int) -> None:
        """Note that the database has *many* more of the records; of all: the log begins anew.

        Crash before that: they are read at the next start, and the database knows them.
        """
        self._alive -= many
        if many and not self._alive:
            self._intake.put(_REST)

    def wipe(self) -> None:
        """Put zeros over all that was written: the database has it.

        Nothing waits for the disk: what a power cut brings back is known to the database.
        """
        self._file.wipe_unsynced(KEPT_OCTETS)

    @property
    def is_empty(self) -> bool:
        """Tell whether the database has everything that was added."""
        return not self._alive

    def end(self) -> None:
        """Write what waits; nothing more is taken."""
        self._refusal = self._refusal or Unavailable("the store is closed")
        if self._thread is not None:
            self._intake.put(_END)
            self._thread.join()
            self._thread = None

    def close(self) -> None:
        """Let go of the file, after ``end``."""
        self._file.close()

    # ── the thread ───────────────────────────────────────────────────────────────────
    def _work(self) -> None:
        resting = False
        while True:
            try:
                first = self._intake.get(timeout=_REST_SECONDS if resting else None)
            except queue.Empty:
                self.wipe()
                resting = False
                continue
            if first is _END:
                return
            resting = first is _REST
            if isinstance(first, _Waiting):
                self._write_with(first)

    def _write_with(self, first: _Waiting) -> None:
        """Write *first* and what waits behind it, then tell everybody."""
        batch = [first]
        while len(batch) < _TOGETHER and not self._intake.empty():
            item = self._intake.get_nowait()
            if not isinstance(item, _Waiting):
                self._intake.put(item)  # the end: nothing is given after it
                break
            batch.append(item)
        begun = [each for each in batch if not each.future.cancelled()]
        for each in batch:
            each.error = Unavailable("nobody waits for this any more")
        try:
            self._write(begun)
            for each in begun:
                each.error = None
        except OSError as error:
            failure = translate_os(error)
            if failure is error or isinstance(failure, StoreDamaged):
                failure = self._refusal = StoreDamaged(UNCONFIRMED)
            for each in begun:
                each.error = failure
        for loop, some in groupby(batch, lambda each: each.loop):
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._settle, list(some))

    def _write(self, batch: Sequence[_Waiting]) -> None:
        """Write *batch* behind what is there, or over it if all of that is in the database.

        Crash on the way: frames that do not open, or that nobody was told yes for; a mail program that was
        told nothing sends again.  After it: the next start reads them.
        """
        if not batch:
            return
        if batch[0].begins:  # only the first can: it was given when nothing else was alive
            self._file.begin_anew()
        at = self._file.write([each.record for each in batch])
        for each in batch:
            each.at = at
            at += len(each.record) + ADDED_OCTETS

    # ── the loop ─────────────────────────────────────────────────────────────────────
    def _settle(self, batch: Sequence[_Waiting]) -> None:
        for each in batch:
            if each.error is None:
                each.announce(each.at)
                if not each.future.done():
                    each.future.set_result(None)
            else:
                self.done(1)
                if not each.future.done():
                    each.future.set_exception(each.error)
