"""An export of a gateway as a source: to the octet, with every flag, date and the order.

Its manifest is read as hostile as everything else: nothing that it names is opened outside of
its directory, and what a file holds counts, not what the manifest says of it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path

from gateway.migration.export import manifest
from gateway.migration.export.manifest import Folder, Message
from gateway.migration.export.writing import read_back
from gateway.migration.local.mail_programs import keywords
from gateway.migration.local.plain_file import shown
from gateway.migration.source import MESSAGE_OCTETS_MAX, Found, Trouble
from mx_core.model.flags import SYSTEM_FLAGS, Flag, FlagSet

_LINE_MAX = 1024 * 1024


def is_export(path: Path) -> bool:
    """Tell whether a gateway exported to *path*."""
    return (path / manifest.NAME).is_file()


class Export:
    """One export; remembers where in its manifest the messages of each folder stand."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lines: dict[str, array[int]] = {}
        self._folders: dict[str, Folder] = {}
        self._trouble: list[Trouble] = []
        self._look()

    def folders(self) -> Iterator[Folder | Trouble]:
        """Yield each folder, in order, and what is wrong with the whole."""
        yield from self._trouble
        for name in self._lines:
            yield self._folders.get(name, Folder(name, "", subscribed=True))

    def read(self, folder: str) -> Iterator[Found | Trouble]:
        """Yield the messages of *folder* in their order; what was altered is told of."""
        with (self._root / manifest.NAME).open("rb") as file:
            for at in self._lines.get(folder, ()):
                file.seek(at)
                line = manifest.decode(file.readline(_LINE_MAX))
                if not isinstance(line, Message):
                    continue
                if not 0 <= line.octets <= 2 * MESSAGE_OCTETS_MAX or line.at < 0:
                    yield Trouble(line.file, "is said to be larger than a message may be")
                    continue
                octets = read_back(self._root, line)
                if isinstance(octets, Trouble):
                    yield octets
                else:
                    yield Found(octets, _flags(line.flags), line.received)

    def _look(self) -> None:
        done = False
        for at, line in manifest.lines(self._root / manifest.NAME):
            if isinstance(line, Message):
                self._lines.setdefault(line.folder, array("Q")).append(at)
            elif isinstance(line, Folder):
                self._lines.setdefault(line.name, array("Q"))
                self._folders[line.name] = line
            done = isinstance(line, manifest.Done)
        if not done:
            where = shown(self._root / manifest.NAME)
            self._trouble.append(Trouble(where, "is of an export that was not finished"))


def _flags(told: tuple[str, ...]) -> FlagSet:
    system = frozenset(flag for flag in SYSTEM_FLAGS if flag in told)
    words = " ".join(word for word in told if word.isascii() and not word.startswith("\\"))
    return system | {Flag(word) for word in keywords(words.encode())}
