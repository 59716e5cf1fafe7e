"""A file that is either whole and on disk, or not there.

System calls, in order: open(temporary) write fsync close rename open(directory) fsync close.
"""

from __future__ import annotations

import os
from pathlib import Path


def write_file(path: Path, octets: bytes, *, mode: int = 0o600) -> None:
    """Put *octets* at *path* so that a power cut leaves the old file or the new one.

    Crash before the rename: a ``.tmp`` file that the next call overwrites.
    """
    temporary = path.with_name(path.name + ".tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        view = memoryview(octets)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.rename(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the entries of a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
