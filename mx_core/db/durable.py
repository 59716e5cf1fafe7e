"""Files that survive a power cut once the call has returned.

The expected system calls: open, write…, fsync(file), close, fsync(directory).  A name that
was not synced in its directory may be gone after a cut although its octets were synced.  Of many
files the syncs are asked for at once, so that the disk and its journal see them together.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from mx_core.db.os_failure import translate_os

_SYNCED_AT_ONCE: Final = 16  # each waits on a thread of its own


def write_new(path: Path, pieces: Iterable[bytes]) -> None:
    """Make *path*, which must not exist, out of *pieces*; on the disk when this returns.

    As ``write_all_new``.
    """
    write_all_new(path.parent, [(path.name, pieces)])


def write_all_new(folder: Path, files: Iterable[tuple[str, Iterable[bytes]]]) -> None:
    """Make *files* in *folder*, none of which exists, out of their pieces; on the disk when this returns.

    All are written before the first is synced, then all are synced together, and the folder once:
    what one sync writes the others need not.  What root makes belongs to whoever the folder belongs to: an
    operator's command, for a program that runs as somebody else.  Crash or error on the way: partial files
    may stay, which no row names; the sweep at the next open removes them.

    Raises:
        DiskFull: There is no room; the files are removed.
        StoreDamaged: The disk failed to confirm them; the same.
    """
    opened: list[tuple[Path, int]] = []
    try:
        try:
            for name, pieces in files:
                path = folder / name
                descriptor = os.open(
                    path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
                )
                opened.append((path, descriptor))
                _write(descriptor, pieces)
                if os.geteuid() == 0:
                    owner = folder.stat()
                    os.fchown(descriptor, owner.st_uid, owner.st_gid)
            _sync_together(folder, [descriptor for _, descriptor in opened])
        except BaseException:
            for path, _ in opened:
                path.unlink(missing_ok=True)
            raise
        finally:
            for _, descriptor in opened:
                os.close(descriptor)
    except OSError as error:
        raise translate_os(error) from error


def _sync_together(folder: Path, descriptors: Sequence[int]) -> None:
    """Sync files and the names that they have in *folder*.

    Crash between two of them: as one before the first; nobody was told of any file.
    """
    if len(descriptors) > 1:
        with ThreadPoolExecutor(min(len(descriptors) + 1, _SYNCED_AT_ONCE)) as threads:
            asked = [threads.submit(os.fsync, each) for each in descriptors]
            asked.append(threads.submit(sync_directory, folder))
            for each in asked:
                each.result()
    elif descriptors:
        os.fsync(descriptors[0])
        sync_directory(folder)


def _write(descriptor: int, pieces: Iterable[bytes]) -> None:
    with open(descriptor, "wb", buffering=0, closefd=False) as file:  # a descriptor, not a path
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                rest = rest[file.write(rest) :]


class NewFile:
    """A file that is written piece by piece; durable, with its name, once ``finish`` has returned.

    Crash before: a partial file, which no row names; the sweep at the next open removes it.
    Every call raises DiskFull or StoreDamaged.
    """

    def __init__(self, path: Path) -> None:
        """Make *path*, which must not exist."""
        self._path = path
        try:
            self._file = open(path, "xb", buffering=0, opener=_private)  # noqa: SIM115  # closed by finish or discard
        except OSError as error:
            raise translate_os(error) from error

    def write(self, octets: bytes) -> None:
        """Add *octets*."""
        rest = memoryview(octets)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise translate_os(error) from error

    def finish(self) -> None:
        """Sync the file and its name; blocks."""
        try:
            os.fsync(self._file.fileno())
            self._file.close()
            sync_directory(self._path.parent)
        except OSError as error:
            raise translate_os(error) from error

    def discard(self) -> None:
        """Close and remove it."""
        self._file.close()
        self._path.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def write_file(path: Path, octets: bytes, *, mode: int = 0o600) -> None:
    """Put *octets* at *path* so that a power cut leaves the old file or the new one.

    Crash before the rename: a ``.tmp`` file that the next call replaces.
    """
    temporary = path.with_name(path.name + ".tmp")
    temporary.unlink(missing_ok=True)
    write_new(temporary, [octets])
    temporary.chmod(mode)
    temporary.rename(path)
    sync_directory(path.parent)


def make_folder(path: Path) -> None:
    """Make *path* and what is missing above it, for its owner alone, with durable names.

    A folder that exists is synced into the one above it too: an earlier start may have been
    killed before it was, and a cut would then take everything that was made in it since.  One
    that stands in a folder of somebody else, closed to us, was made by them.
    """
    if not path.parent.exists():
        make_folder(path.parent)
    existed = path.is_dir()
    path.mkdir(mode=0o700, exist_ok=True)
    try:
        sync_directory(path.parent)
    except PermissionError:
        if not existed:
            raise


def sync_directory(path: Path) -> None:
    """Make the names in the directory *path* durable.

    Raises:
        StoreDamaged: The disk failed to.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise translate_os(error) from error
    finally:
        os.close(descriptor)
