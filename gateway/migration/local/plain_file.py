"""Opening files of a tree that somebody else filled: only plain ones, never through a link.

A FIFO would block for ever, a device answers without end, a link leads anywhere.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from gateway.migration.source import MESSAGE_OCTETS_MAX, Trouble

DEPTH_MAX: Final = 32
_TOO_LARGE: Final = f"is larger than {MESSAGE_OCTETS_MAX // 1024 // 1024} MiB"


def open_plain(path: Path) -> BinaryIO | Trouble:
    """Return the file at *path*, open for reading, or why it is not opened."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return Trouble(shown(path), _why(error))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return Trouble(shown(path), "is no plain file")
    return os.fdopen(descriptor, "rb")


def read_message(path: Path) -> tuple[bytes, int] | Trouble:
    """Return the octets of a file that is one message, and its time of change in seconds."""
    file = open_plain(path)
    if isinstance(file, Trouble):
        return file
    with file:
        try:
            octets = file.read(MESSAGE_OCTETS_MAX + 1)
            changed = int(os.fstat(file.fileno()).st_mtime)
        except OSError as error:
            return Trouble(shown(path), _why(error))
    if len(octets) > MESSAGE_OCTETS_MAX:
        return Trouble(shown(path), _TOO_LARGE)
    return octets, changed


def entries(folder: Path) -> list[os.DirEntry[str]] | Trouble:
    """Return what is in *folder*, in order of name."""
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        return Trouble(shown(folder), _why(error))


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Tell whether *entry* is a directory itself, not a link to one."""
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def folders_below(root: Path) -> Iterator[tuple[Path, tuple[str, ...]] | Trouble]:
    """Yield *root* and every directory below it with the names on the way, parents first."""
    waiting: list[tuple[Path, tuple[str, ...]]] = [(root, ())]
    while waiting:
        folder, names = waiting.pop()
        yield folder, names
        inside = entries(folder)
        if isinstance(inside, Trouble):
            yield inside
            continue
        below = [Path(entry.path) for entry in inside if is_folder(entry)]
        if below and len(names) >= DEPTH_MAX:
            yield Trouble(shown(folder), "is nested too deeply")
            continue
        waiting += [(each, (*names, shown_name(each.name))) for each in reversed(below)]


def shown(path: Path) -> str:
    """Return *path* as it can be printed."""
    return shown_name(str(path))


def shown_name(name: str) -> str:
    """Return a file name, which may be any octets, as text that can be printed."""
    text = os.fsencode(name).decode(errors="replace")
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _why(error: OSError) -> str:
    return f"can not be read: {(error.strerror or type(error).__name__).lower()}"
