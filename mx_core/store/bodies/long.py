"""A body that is written as it comes, sealed piece by piece, before anybody knows its size.

Implements ``model.long_octets``.  Crash before a row names it: an orphan under a key that no longer
exists, which the next open removes.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from mx_core.model.secret import Secret
from mx_core.store.bodies import file as body_file
from mx_core.store.bodies.file import GrowingFile, OpenedFile, SealedFile


class LongBody:
    """See the module."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = GrowingFile(
            folder,
            secrets.token_bytes(body_file.FILE_ID_OCTETS),
            Secret(secrets.token_bytes(body_file.KEY_OCTETS)),
        )
        self._taken = False
        self._opened: OpenedFile | None = None

    @property
    def size(self) -> int:
        """See ``LongOctets``."""
        return self._file.size

    def write(self, octets: bytes) -> None:
        """See ``LongOctets``."""
        self._file.write(octets)

    def finish(self) -> SealedFile:
        """Return the file, on the disk with its name; blocks; raises DiskFull."""
        return self._file.finish()

    def octets(self) -> OpenedFile:
        """Return all of them, to be read in pieces; blocks.  Whoever adopts the file says so there."""
        self._opened = OpenedFile(self._folder, self.finish())
        return self._opened

    def taken(self) -> None:
        """Leave the file to the row that names it."""
        self._taken = True

    def whole(self) -> bytes:
        """See ``LongOctets``."""
        file = self.finish()
        return body_file.read(self._folder, file, 0, file.size)

    def discard(self) -> None:
        """See ``LongOctets``."""
        if not self._taken and (self._opened is None or not self._opened.adopted):
            self._taken = True
            self._file.discard()
