"""Large bodies as files under one folder, which several processes may share."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from mx_core.db.durable import make_folder, sync_directory, write_new
from mx_core.db.os_failure import translate_os
from mx_core.homeserver.storage.bodies import BlobMissing
from mx_core.homeserver.storage.depot import FOUND_AT_ONCE, Found, blob_of
from mx_core.model.errors import StoreDamaged

P = ParamSpec("P")
T = TypeVar("T")

_COPIED_AT_ONCE: Final = 1 << 20


class Files:
    """See ``Depot``; a name is a path below the folder."""

    far = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def sentence(self) -> str:
        """Say where it is."""
        return f"the folder {self.folder}"

    async def prepare(self) -> None:
        """Make the folder; with it the names of all shelves are durable."""
        await in_thread(make_folder, self.folder)

    async def put(self, place: str, octets: bytes) -> None:
        """Write and sync a new file, and its name."""
        await in_thread(self._put, place, octets)

    async def take(self, place: str, path: Path) -> None:
        """Rename *path*, which is on the same file system, and sync its new name."""
        await in_thread(self._take, place, path)

    async def piece(self, place: str, offset: int, length: int) -> bytes:
        """Read it."""
        return await in_thread(_read_piece, self.folder / place, offset, length)

    async def holds(self, place: str) -> bool:
        """Look for the file."""
        return await in_thread((self.folder / place).exists)

    async def remove(self, place: str) -> None:
        """Remove the file; that its name is gone need not be durable."""
        await in_thread((self.folder / place).unlink, missing_ok=True)

    async def found(self) -> AsyncIterator[Sequence[Found]]:
        """Go through the shelves."""
        walk = self._walk()
        while some := await in_thread(lambda: list(islice(walk, FOUND_AT_ONCE))):
            yield some

    async def copy_in(self, place: str, size: int, path: Path) -> None:
        """Give the file a second name, or copy it where that can not be: it is never changed."""
        await in_thread(_copy, path, size, self.folder / place)

    async def copy_out(self, place: str, size: int, path: Path) -> None:
        """As ``copy_in``."""
        await in_thread(_copy, self.folder / place, size, path)

    async def close(self) -> None:
        """Hold nothing."""

    # ── inside ───────────────────────────────────────────────────────────────────────
    def _put(self, place: str, octets: bytes) -> None:
        write_new(self._shelved(place), (octets,))

    def _take(self, place: str, path: Path) -> None:
        to = self._shelved(place)
        path.replace(to)
        sync_directory(to.parent)

    def _shelved(self, place: str) -> Path:
        path = self.folder / place
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            sync_directory(self.folder)
        return path

    def _walk(self) -> Iterator[Found]:
        for path in self.folder.glob("[0-9a-f][0-9a-f]/*"):
            place = f"{path.parent.name}/{path.name}"
            if blob_of(place) is not None:
                try:
                    yield Found(place, path.stat().st_mtime)
                except FileNotFoundError:  # removed meanwhile, by another process
                    continue


async def in_thread(work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Do file work beside the loop; raises BlobMissing, DiskFull or StoreDamaged for the disk's."""
    try:
        return await asyncio.to_thread(work, *args, **named)
    except FileNotFoundError as error:
        raise BlobMissing("the file of this body is not here") from error
    except OSError as error:
        raise translate_os(error) from error


def must_be_whole(path: Path, size: int) -> None:
    """Return if the file *path* has *size* octets.

    Raises:
        StoreDamaged: It is missing, or not whole.
    """
    said = "".join(path.parts[-2:])[:16]
    try:
        length = path.stat().st_size
    except FileNotFoundError as error:
        raise StoreDamaged(f"the file of blob {said} is missing") from error
    if length != size:
        raise StoreDamaged(f"the file of blob {said} is cut short")


def _copy(path: Path, size: int, to: Path) -> None:
    must_be_whole(path, size)
    if to.exists():
        must_be_whole(to, size)
        return
    make_folder(to.parent)
    try:
        os.link(path, to)
        sync_directory(to.parent)
    except OSError:
        write_new(to, _pieces(path))


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_COPIED_AT_ONCE):
            yield piece


def _read_piece(path: Path, offset: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(length)
