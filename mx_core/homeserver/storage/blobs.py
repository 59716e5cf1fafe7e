"""Bodies too large for a row: files named by the BLAKE2b-256 of their ciphertext.

Refuses to know whose they are.  Invariants: a file under its final name is whole and on the
disk before any row names it; a name is 64 hex digits made here, never a peer's text; an
upload that broke off goes on where it stopped.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

import sqlalchemy as sa

from mx_core.db.durable import make_folder, sync_directory, write_new
from mx_core.db.os_failure import translate_os
from mx_core.db.transactions import Transactions
from mx_core.homeserver.storage import bodies
from mx_core.homeserver.storage.bodies import BlobMissing, Body
from mx_core.homeserver.storage.room import Room
from mx_core.model.clock import Now
from mx_core.model.errors import Busy, MessageTooLarge, Refused, StoreDamaged, Unavailable
from mx_core.notation.hashing import DIGEST_OCTETS, b2_plain
from mx_core.proto.federation_pb2 import BlobChunk, BlobRef

P = ParamSpec("P")
T = TypeVar("T")

IN_ROW_OCTETS_MAX: Final = 64 * 1024
CHUNK_OCTETS: Final = 256 * 1024
_UNFINISHED_PER_UPLOADER: Final = 16
_UNFINISHED_SECONDS: Final = 86_400.0
_SWEPT_AT_ONCE: Final = 100
_UNUSED_SECONDS: Final = 3_600.0  # a body put for several recipients is submitted once for each


class BlobStore:
    """The files under one folder and the rows that name them."""

    def __init__(
        self,
        folder: Path,
        database: Transactions,
        *,
        octets_max: int,
        unused_max: int,
        room: Room,
        now: Now,
        uploads: str = "",
    ) -> None:
        self._folder = folder
        # of this process alone where several share the folder: each goes on with its own uploads
        self._incoming = folder / (f"incoming-{uploads}" if uploads else "incoming")
        self._database = database
        self.octets_max = octets_max
        self._unused_max = unused_max
        self._room = room
        self._now = now
        self._changing = asyncio.Lock()  # a name appears or goes; never both at once
        self.keeping = asyncio.Lock()  # held while no file may go: by the sweep, or by a backup
        self._uploading: set[Path] = set()  # one stream at a time writes a file

    async def keep(self, octets: bytes) -> Body:
        """Return *octets* as a body: itself if it fits into a row, else a durable file."""
        if len(octets) <= IN_ROW_OCTETS_MAX:
            return Body.of(octets)
        blob_id = b2_plain(octets)
        if await self._is_here(blob_id) is None:
            unfinished = self._incoming / os.urandom(16).hex()
            await in_thread(_write, unfinished, octets)
            await self._finish(unfinished, blob_id, len(octets))
        return Body(None, blob_id, len(octets))

    async def receive(self, uploader: str, chunks: AsyncIterable[BlobChunk]) -> int:
        """Take an upload; return how many of its octets are durable here.

        The first chunk names the blob.  A chunk that does not continue what is held ends the
        upload, and the answer says where to go on; so does a stream that only asks.

        Raises:
            Refused: No name, or other octets than the name says (they are thrown away).
            MessageTooLarge: More than this server takes.
            Busy: The same upload is running, too many broke off, or too much is unused.
            DiskFull: No room.
        """
        following = aiter(chunks)
        try:
            first = await anext(following)
        except StopAsyncIteration as error:
            raise Refused("an upload begins with the name of the blob") from error
        ref = first.ref
        if len(ref.id) != DIGEST_OCTETS or ref.size == 0:
            raise Refused("an upload begins with the name of the blob")
        if ref.size > self.octets_max:
            raise MessageTooLarge(f"a body is at most {self.octets_max} octets")
        if await self._is_here(ref.id) is not None:
            return ref.size
        self._room.check()
        if await self._database.read(bodies.unused_octets) + ref.size > self._unused_max:
            raise Busy("too many bodies were put that no envelope names; try again in an hour")
        path = self._incoming / f"{_tag(uploader)}-{ref.id.hex()}"
        if path in self._uploading:
            raise Busy("this body is being put already")
        self._uploading.add(path)
        try:
            return await self._upload(path, ref, first, following)
        finally:
            self._uploading.discard(path)

    async def read(self, body: Body) -> bytes:
        """Return the octets of *body*.

        Raises:
            StoreDamaged: The file that a row names is not there, or not whole.
        """
        if body.inline is not None:
            return body.inline
        pieces = [piece async for piece in self.stream(body)]
        return b"".join(pieces)

    async def stream(self, body: Body, offset: int = 0) -> AsyncIterator[bytes]:
        """Yield the octets of a blob from *offset* on, in pieces of at most 256 KiB."""
        at = offset
        while at < body.size:
            piece = await self.piece(body, at, min(CHUNK_OCTETS, body.size - at))
            yield piece
            at += len(piece)

    async def piece(self, body: Body, offset: int, length: int) -> bytes:
        """Return exactly *length* octets of a blob; raises as ``stream``."""
        if body.blob_id is None:
            raise StoreDamaged("a body inside a row has no file")
        octets = await in_thread(_read_piece, self._path(body.blob_id), offset, length)
        if len(octets) != length:
            raise StoreDamaged(f"the file of blob {body.blob_id.hex()[:16]} is cut short")
        return octets

    async def sweep(self) -> int:
        """Remove what nobody uses: unused blobs, uploads long broken off; return how many."""
        async with self.keeping, self._changing:
            before = self._now() - _UNUSED_SECONDS
            old = time.time() - _UNFINISHED_SECONDS  # of the disk's clock, as st_mtime is
            removed = await in_thread(_remove_older, self._incoming, old)
            while gone := await self._database.write(lambda tx: self._forget(tx, before)):
                removed += len(gone)
                for blob_id in gone:
                    if not self._database.shared:
                        await in_thread(self._path(blob_id).unlink, missing_ok=True)
            return removed

    def _forget(self, tx: sa.Connection, before: float) -> list[bytes]:
        gone = bodies.forget_unused(tx, before, _SWEPT_AT_ONCE)
        if self._database.shared:
            # Before the commit: another process that puts the same body waits for the row, and
            # looks for its file then.  Crash between the two: rows of which nobody has a use and
            # no file; the next sweep removes them, and whoever puts the body looks for the file.
            for blob_id in gone:
                self._path(blob_id).unlink(missing_ok=True)
        return gone

    async def adopt(self) -> int:
        """At start over a shared database: name the orphans, so that a sweep removes them in time."""
        make_folder(self._folder)
        make_folder(self._incoming)
        old = time.time() - _UNFINISHED_SECONDS
        found = await in_thread(_whole_files, self._folder, old)
        now = self._now()
        known = await self._database.read(bodies.known)
        orphans = [each for each in found if each[0] not in known]
        await self._database.write(lambda tx: bodies.adopt(tx, orphans, now))
        return len(orphans)

    def recover(self, known: set[bytes]) -> int:
        """At start: make the folders, and remove files that no row of *known* names.

        A crash between the file and its row, or between the end of the row and the file's,
        leaves such a file; nobody was promised it.
        """
        make_folder(self._folder)
        make_folder(self._incoming)  # and the names of all shelves are durable with it
        removed = 0
        names = {blob_id.hex() for blob_id in known}
        for shelf in self._folder.iterdir():
            if shelf.name.startswith("incoming") or not shelf.is_dir():
                continue
            for path in shelf.iterdir():
                if shelf.name + path.name not in names:
                    path.unlink()
                    removed += 1
        return removed

    # ── inside ───────────────────────────────────────────────────────────────────────
    async def _upload(
        self, path: Path, ref: BlobRef, first: BlobChunk, following: AsyncIterator[BlobChunk]
    ) -> int:
        held = await in_thread(self._begin, path)
        chunk: BlobChunk | None = first
        while chunk is not None and chunk.octets:
            if chunk.offset != held or len(chunk.octets) > CHUNK_OCTETS:
                break
            if held + len(chunk.octets) > ref.size:
                raise Refused("more octets than the name of the blob says")
            await in_thread(_append, path, chunk.octets)
            held += len(chunk.octets)
            chunk = await anext(following, None)
        await in_thread(_sync, path)
        if held == ref.size:
            if await in_thread(_digest, path) != ref.id:
                await in_thread(path.unlink, missing_ok=True)
                raise Refused("the octets are not those that the name of the blob says")
            await self._finish(path, ref.id, ref.size)
        return held

    def _begin(self, path: Path) -> int:
        if path.exists():
            return path.stat().st_size
        uploader = path.name.partition("-")[0]
        if len(list(self._incoming.glob(f"{uploader}-*"))) >= _UNFINISHED_PER_UPLOADER:
            raise Busy("too many uploads of yours have broken off; finish one of them")
        write_new(path, ())
        return 0

    async def _finish(self, unfinished: Path, blob_id: bytes, size: int) -> None:
        async with self._changing:
            # Crash before the rename: an unfinished upload, which may go on.
            # Crash before the row: an orphan, and recover() removes it.
            # A row without its file can not happen: the name is synced before the row is.
            await in_thread(_rename, unfinished, self._path(blob_id))
            now = self._now()

            def add(tx: sa.Connection) -> None:
                bodies.add(tx, blob_id, size, now)
                if not self._path(blob_id).exists():  # the sweep of another process came between
                    raise Unavailable("the body was removed meanwhile; put it again")

            await self._database.write(add)

    async def _is_here(self, blob_id: bytes) -> int | None:
        now = self._now()
        size = await self._database.write(lambda tx: bodies.touch(tx, blob_id, now))
        if size is not None and not await in_thread(self._path(blob_id).exists):
            return None
        return size

    def _path(self, blob_id: bytes) -> Path:
        name = blob_id.hex()
        return self._folder / name[:2] / name[2:]


async def in_thread(work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Do file work beside the loop; raises BlobMissing, DiskFull or StoreDamaged for the disk's."""
    try:
        return await asyncio.to_thread(work, *args, **named)
    except FileNotFoundError as error:
        raise BlobMissing("the file of this body is not here") from error
    except OSError as error:
        raise translate_os(error) from error


def _tag(uploader: str) -> str:
    return b2_plain(uploader.encode()).hex()[:16]


def _write(path: Path, octets: bytes) -> None:
    write_new(path, (octets,))


def _append(path: Path, octets: bytes) -> None:
    with path.open("ab") as file:
        file.write(octets)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _rename(unfinished: Path, path: Path) -> None:
    if not path.parent.exists():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        sync_directory(path.parent.parent)
    unfinished.replace(path)
    sync_directory(path.parent)


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(
            file, lambda: hashlib.blake2b(digest_size=DIGEST_OCTETS)
        ).digest()


def _read_piece(path: Path, offset: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(length)


def _whole_files(folder: Path, than: float) -> list[tuple[bytes, int]]:
    found: list[tuple[bytes, int]] = []
    for path in folder.glob("[0-9a-f][0-9a-f]/*"):
        about = path.stat()
        if about.st_mtime < than:
            found.append((bytes.fromhex(path.parent.name + path.name), about.st_size))
    return found


def _remove_older(folder: Path, than: float) -> int:
    removed = 0
    for path in folder.iterdir():
        if path.stat().st_mtime < than:
            path.unlink(missing_ok=True)
            removed += 1
    return removed
