"""The write-ahead log of one database: moved into it in time, begun anew, and not grown again.

A commit that makes the log's file longer has the file system write where the file ends as well, which
takes as long again as the commit's own octets; one that writes over what an earlier round left takes
half of the time.  So the log is moved into the database after ``ROUND_OCTETS``, the next commit
begins at its start, and the file stays as long as it is.  At rest one that is longer than
``KEPT_OCTETS`` is emptied: what was much is over.  Owned by the writer's thread.
Source: https://www.sqlite.org/walformat.html, §2.  docs/decisions/0035-a-log-in-rounds.md.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from mx_core.db.failure import translate
from mx_core.model.errors import Busy

ROUND_OCTETS: Final = 16 * 1024 * 1024
KEPT_OCTETS: Final = 8 * 1024 * 1024  # at rest; more is given back to the disk
LOG_OCTETS_MAX: Final = 64 * 1024 * 1024
_AGAIN_OCTETS: Final = 2 * 1024 * 1024  # more, where somebody reads what the log alone has
_HEADER_OCTETS: Final = 32
_FRAME_HEADER_OCTETS: Final = 24
_PAGE = slice(8, 12)
_ROUND = slice(16, 24)  # the two salts, which each round has anew; each frame repeats them
_FRAME_ROUND: Final = 8  # where, in a frame


class LogFile:
    """See the module; *driver* is the connection that writes."""

    def __init__(self, driver: Any, database: Path) -> None:
        self.path = database.with_name(database.name + "-wal")
        self._driver = driver
        self._descriptor: int | None = None
        self._round = b""
        self._due = ROUND_OCTETS  # how long the round may become before it is moved

    def octets(self) -> int:
        """Return what the log takes of the disk."""
        try:
            return os.stat(self.path).st_size  # noqa: PTH116  # after each commit
        except FileNotFoundError:
            return 0

    def move(self, how: str) -> Exception | None:
        """Move the log into the database; return what stood in the way.

        Crash here: the log is replayed at the next open.  An error leaves the log as it is,
        and everything committed in it; the next time tries again.
        """
        try:
            busy, _, _ = self._driver.execute(f"PRAGMA wal_checkpoint({how})").fetchone()
        except Exception as error:  # noqa: BLE001  # any driver error; nothing is lost by it
            failure = translate(error)
            return failure if isinstance(failure, Exception) else error
        return Busy("a reader holds the log") if busy else None

    def after_commit(self) -> None:
        """Move it, if the round is long enough; who reads is not waited for, unless it is far too long.

        Where somebody reads what only the log has, the next commit goes on behind it, and a
        little later it is tried again.
        """
        if not self.is_due():
            return
        self.move("PASSIVE")
        self._due += _AGAIN_OCTETS
        if self.octets() > LOG_OCTETS_MAX:
            self.move("TRUNCATE")

    def is_due(self) -> bool:
        """Tell whether ``after_commit`` would move it."""
        header = self._read(_HEADER_OCTETS, 0)
        if header[_ROUND] != self._round:
            self._round, self._due = header[_ROUND], ROUND_OCTETS
        return bool(self._round) and self._reaches(self._due, int.from_bytes(header[_PAGE], "big"))

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _reaches(self, octets: int, page_octets: int) -> bool:
        """Tell whether the round has written that far; what an earlier one left does not count."""
        frame = _FRAME_HEADER_OCTETS + page_octets
        at = _HEADER_OCTETS + octets // frame * frame + _FRAME_ROUND
        return self._read(len(self._round), at) == self._round

    def _read(self, octets: int, at: int) -> bytes:
        try:
            if self._descriptor is None:
                self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            return os.pread(self._descriptor, octets, at)
        except OSError:
            return b""  # there is none yet; or whoever writes it will say what is wrong
