"""The redo log of one database: one write and one sync for a change, in the time of a few octets.

It is written from its start again after each commit of what it holds, and does not grow then, which a sync would
wait for.  docs/spec/redo.md.  For one thread at a time.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mx_core.db.frame_file import FrameFile
from mx_core.db.frames import RECORD_OCTETS_MAX, FrameKey
from mx_core.model.secret import Secret

_LABEL: Final = b"MX1.redo"
_STEP_OCTETS: Final = 256 * 1024  # by which it grows


class RedoFile:
    """See the module; the file is made with the first record.  *key* is the database's."""

    def __init__(self, database: Path, key: Secret[bytes]) -> None:
        self.path = database.with_name(database.name + "-redo")
        secret = hashlib.blake2b(digest_size=32, key=key.reveal(), person=_LABEL).digest()
        self._file = FrameFile(
            self.path, FrameKey(_LABEL, secret), step_octets=_STEP_OCTETS, is_wiped_whole=True
        )

    @property
    def is_unsure(self) -> bool:
        """Tell whether of one record, or of the file itself, nobody knows if it is on the disk."""
        return self._file.is_unsure

    def found(self) -> Iterator[bytes]:
        """Return the records that are there, in their order; before anything is added.

        Raises:
            OSError: The file is there, and can not be read.
        """
        return self._file.found()

    @staticmethod
    def takes(octets: int) -> bool:
        """Tell whether a record may have so many octets."""
        return octets <= RECORD_OCTETS_MAX

    def add(self, record: bytes) -> None:
        """Return once *record* is on the disk, behind those that were added before.

        Crash on the way: a frame that does not open, or one that nobody was told yes for.

        Raises:
            OSError, MailError: It is not there; if ``is_unsure`` is true now, it may be, and nothing may be added
                any more.
        """
        self._file.write((record,))

    def begin_anew(self) -> None:
        """Write the next record at the start: the database has all of these."""
        self._file.begin_anew()

    def wipe(self) -> None:
        """Put zeros over what was written, and see to it that they are on the disk: the database has it.

        Raises:
            OSError: Something may still be there.
        """
        self._file.wipe()

    def is_blank(self) -> bool:
        """Tell whether nothing of any record is left in it; raises OSError."""
        return self._file.is_blank()

    def set_aside(self) -> Path:
        """Give the file another name, where nobody reads it; return which."""
        self.close()
        aside = self.path.with_name(f"{self.path.name}-{secrets.token_hex(4)}.aside")
        self.path.rename(aside)
        return aside

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
