"""Whether the disk may still be written to: below a floor nothing new is taken.

Reads, acks and deletions go on, so a full disk empties itself.
"""

from __future__ import annotations

import os
from pathlib import Path

from mx_core.model.errors import DiskFull


def free_octets(folder: Path) -> int:
    """Return what an unprivileged writer may still use on the disk of *folder*."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


class Room:
    """Whether the disk may still be written to."""

    def __init__(self, folder: Path, floor: int) -> None:
        self._folder = folder
        self._floor = floor

    def check(self) -> None:
        """Return if there is room.

        Raises:
            DiskFull: Less than the configured rest is free; nothing new is taken.
        """
        if free_octets(self._folder) < self._floor:
            raise DiskFull("the disk of this server is nearly full; try again later")
