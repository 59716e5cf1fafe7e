"""The redo log of one database: one write and one sync for a change, in the time of a few octets.

It is written from its start again after each commit of what it holds, and does not grow then, which a sync would
wait for.  docs/spec/redo.md.  For one thread at a time.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mx_core.db import frames
from mx_core.db.durable import sync_directory
from mx_core.model.secret import Secret

_LABEL: Final = b"MX1.redo"
_STEP_OCTETS: Final = 256 * 1024  # by which it grows
_WIPED_AT_ONCE: Final = 1024 * 1024


class RedoFile:
    """See the module; the file is made with the first record.  *key* is the database's."""

    def __init__(self, database: Path, key: Secret[bytes]) -> None:
        self.path = database.with_name(database.name + "-redo")
        secret = hashlib.blake2b(digest_size=32, key=key.reveal(), person=_LABEL).digest()
        self._key = frames.FrameKey(_LABEL, secret)
        self._file: int | None = None
        self._length = 0
        self._at = 0
        self._before = frames.FIRST
        self._high = 0  # how far anything may be written that was not wiped
        self.is_unsure = (
            False  # of one record, or of the file itself, nobody knows whether it is on the disk
        )

    def found(self) -> Iterator[bytes]:
        """Return the records that are there, in their order; before anything is added.

        Raises:
            OSError: The file is there, and can not be read.
        """
        if self._file is None:
            if not self.path.exists():
                return
            self._open()
        yield from (frame.record for frame in frames.read_all(self._key, self._read))

    @staticmethod
    def takes(octets: int) -> bool:
        """Tell whether a record may have so many octets."""
        return octets <= frames.RECORD_OCTETS_MAX

    def add(self, record: bytes) -> None:
        """Return once *record* is on the disk, behind those that were added before.

        Crash on the way: a frame that does not open, or one that nobody was told yes for.

        Raises:
            OSError, MailError: It is not there; if ``is_unsure`` is true now, it may be, and nothing may be added
                any more.
        """
        frame = frames.seal(
            self._key, self._before, secrets.token_bytes(frames.NONCE_OCTETS), record
        )
        file = self._open()
        end = self._at + len(frame)
        if end > self._length:
            longer = -(-end // _STEP_OCTETS) * _STEP_OCTETS
            _write(file, bytes(longer - self._length), self._length)
            self._length = longer
        self._high = max(self._high, end)
        _write(file, frame, self._at)  # of which a part does not open
        self.is_unsure = True
        os.fdatasync(file)
        self.is_unsure = False
        self._at, self._before = end, frames.tag_of(frame)

    def begin_anew(self) -> None:
        """Write the next record at the start: the database has all of these."""
        self._at, self._before = 0, frames.FIRST

    def wipe(self) -> None:
        """Put zeros over what was written, and see to it that they are on the disk: the database has it.

        Raises:
            OSError: Something may still be there.
        """
        self.begin_anew()
        if self._file is None or not self._high:
            return
        for at in range(0, self._high, _WIPED_AT_ONCE):
            _write(self._file, bytes(min(_WIPED_AT_ONCE, self._high - at)), at)
        os.fdatasync(self._file)
        self._high = 0

    def is_blank(self) -> bool:
        """Tell whether nothing of any record is left in it; raises OSError."""
        octets = self._read(self._length, 0)
        return octets.count(0) == len(octets)

    def set_aside(self) -> Path:
        """Give the file another name, where nobody reads it; return which."""
        self.close()
        aside = self.path.with_name(f"{self.path.name}-{secrets.token_hex(4)}.aside")
        self.path.rename(aside)
        return aside

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> int:
        if self._file is None:
            made = not self.path.exists()
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._length = self._high = os.fstat(self._file).st_size
            if made:
                # Crash before this: no file, and nobody was told yes because of it.
                self.is_unsure = True  # without its name it is lost with a cut, whatever is in it
                sync_directory(self.path.parent)
                self.is_unsure = False
        return self._file

    def _read(self, octets: int, at: int) -> bytes:
        return os.pread(self._open(), octets, at)


def _write(file: int, octets: bytes, at: int) -> None:
    rest = memoryview(octets)
    while rest:
        written = os.pwrite(file, rest, at)
        rest, at = rest[written:], at + written
