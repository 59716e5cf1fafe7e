"""One process at a time: an advisory lock on a file beside the database.

The kernel drops the lock with the process, however it ends, so there is nothing to clean up.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from mx_core.model.errors import Refused


class ProcessLock:
    """Held from construction to :meth:`release`."""

    def __init__(self, path: Path) -> None:
        """Take the lock on *path*.

        Raises:
            Refused: Another process, or another opener in this one, holds it.
        """
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._descriptor)
            raise Refused(f"already running: another process holds {path}") from error

    def release(self) -> None:
        """Give the lock up; the file stays, since removing it would race with a new opener."""
        os.close(self._descriptor)
