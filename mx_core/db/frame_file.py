"""A file of sealed frames on the disk: one write and one sync for a frame, or for several at once.

It grows by steps of zeros and is written from its start again once nobody needs what it has: a file that does not
grow is synced in half of the time.  What the records mean, and who may write when, is for whoever owns it: the log
of what was accepted, and the redo log.  docs/spec/accepted.md §1.  For one thread at a time; ``read`` for any.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from mx_core.db.durable import sync_directory
from mx_core.db.frames import FIRST, NONCE_OCTETS, FrameKey, read_all, read_one, seal, tag_of

_ZEROS_AT_ONCE: Final = 1024 * 1024
_NOT_OPEN: Final = -1  # of which the system says EBADF


class FrameFile:
    """See the module; opened, or made, by ``open``, or else by the first ``found`` or ``write``."""

    def __init__(
        self, path: Path, key: FrameKey, *, step_octets: int, is_wiped_whole: bool
    ) -> None:
        """*step_octets*: by which it grows.

        *is_wiped_whole*: all that is there when it is opened counts as written, and not its frames alone:
        behind them may be what a write that failed or a cut has left.
        """
        self._path = path
        self._key = key
        self._step_octets = step_octets
        self._is_wiped_whole = is_wiped_whole
        self._file = _NOT_OPEN
        self._length = 0
        self._at = 0  # where the next frame goes
        self._before = FIRST  # what it is bound to
        self._high = 0  # how far anything may be written that was not wiped
        # Of the last write, or of the file's name, nobody knows whether it is on the disk.
        self.is_unsure = False

    def open(self) -> int:
        """Open or make it, unless it is open; return the descriptor.

        Raises:
            OSError, MailError: It can not be opened; if ``is_unsure`` is true now, it is open, and its name may
                not be on the disk.
        """
        if self._file == _NOT_OPEN:
            made = not self._path.exists()
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._length = os.fstat(self._file).st_size
            if self._is_wiped_whole:
                self._high = self._length
            if made:
                # Crash before this: no file, and nobody was told yes because of it.
                self.is_unsure = True  # without its name it is lost with a cut, whatever is in it
                sync_directory(self._path.parent)
                self.is_unsure = False
        return self._file

    def found(self) -> Iterator[bytes]:
        """Return the records that are there, in their order; before anything is written.

        A file that is not there is not made.

        Raises:
            OSError: It is there, and can not be read.
        """
        if self._file == _NOT_OPEN:
            if not self._path.exists():
                return
            self.open()
        for frame in read_all(self._key, self._read):
            self._high = max(self._high, frame.at + frame.octets)
            yield frame.record

    def read(self, at: int) -> bytes | None:
        """Return the record at *at*, or None if none is there that counts; raises OSError."""
        frame = read_one(self._key, self._read, at)
        return None if frame is None else frame.record

    def write(self, records: Sequence[bytes]) -> int:
        """Return once *records*, at least one, are on the disk behind what is there; say where the first is.

        Each of the others is behind the one before, which has ``ADDED_OCTETS`` more than its record.
        Crash on the way: frames that do not open, or that nobody was told yes for.  After it: the next
        start reads them.

        Raises:
            OSError, MailError: They are not there, and the next are written over what is; if ``is_unsure`` is true
                now, the next start may read them all the same.
        """
        start, before = self._at, self._before
        pieces = []
        for record in records:
            piece = seal(self._key, before, secrets.token_bytes(NONCE_OCTETS), record)
            pieces.append(piece)
            before = tag_of(piece)
        octets = b"".join(pieces)
        end = start + len(octets)
        file = self._file
        if file == _NOT_OPEN:
            file = self.open()
        if end > self._length:
            self._grow(file, end)
        self._high = max(self._high, end)
        _write(file, octets, start)  # a frame that is not all there does not open
        self.is_unsure = True
        os.fdatasync(file)
        self.is_unsure = False
        self._at, self._before = end, before
        return start

    def begin_anew(self) -> None:
        """Write the next record at the start: nobody needs those that are there.

        Crash before it is written: the next start reads those.
        """
        self._at, self._before = 0, FIRST

    def wipe(self) -> None:
        """Begin anew, with zeros over what was written, on the disk when this returns.

        Crash on the way: the next start reads what stands before the first zeros, of which nobody needs any.

        Raises:
            OSError: Something may still be there; the next wipe goes over it again.
        """
        self.begin_anew()
        if self._file == _NOT_OPEN or not self._high:
            return
        self._put_zeros()
        os.fdatasync(self._file)
        self._high = 0

    def wipe_unsynced(self, kept_octets: int) -> None:
        """As ``wipe``, but nothing waits for the disk; what goes beyond *kept_octets* is given back.

        Crash or cut after it, too: the next start may read what was there.  Where it fails, the next round
        writes over it.
        """
        self.begin_anew()
        with contextlib.suppress(OSError):
            self._put_zeros()
            if self._length > kept_octets:
                os.ftruncate(self._file, kept_octets)
                self._length = kept_octets
        self._high = 0

    def is_blank(self) -> bool:
        """Tell, once it is open, whether nothing of any record is left in it; raises OSError."""
        octets = self._read(self._length, 0)
        return octets.count(0) == len(octets)

    def close(self) -> None:
        """Let go of the file."""
        if self._file != _NOT_OPEN:
            os.close(self._file)
            self._file = _NOT_OPEN

    def _grow(self, file: int, octets: int) -> None:
        """Make it at least so long.  Crash on the way: zeros behind what was written, which do not open."""
        longer = -(-octets // self._step_octets) * self._step_octets
        _write(file, bytes(longer - self._length), self._length)
        self._length = longer

    def _put_zeros(self) -> None:
        for at in range(0, self._high, _ZEROS_AT_ONCE):
            _write(self._file, bytes(min(_ZEROS_AT_ONCE, self._high - at)), at)

    def _read(self, octets: int, at: int) -> bytes:
        return os.pread(self._file, octets, at)


def _write(file: int, octets: bytes, at: int) -> None:
    """Write all of *octets*, which are some; a write may take less than it was given."""
    written = os.pwrite(file, octets, at)
    while written < len(octets):
        written += os.pwrite(file, memoryview(octets)[written:], at + written)
