"""Bodies too large for a row: known by the BLAKE2b-256 of their ciphertext, kept in a ``Depot``.

Refuses to know whose they are, and whether files or objects hold them.  Invariants: a body is
whole and durable under its final name before any row names it; a name is made here, never a
peer's text, and never given twice; an upload that broke off goes on where it stopped.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from mx_core.db import failpoint
from mx_core.db.durable import make_folder, write_new
from mx_core.db.transactions import Transactions
from mx_core.homeserver.storage import bodies
from mx_core.homeserver.storage.bodies import BlobMissing, Body
from mx_core.homeserver.storage.depot import Depot, Found, new_place
from mx_core.homeserver.storage.files import in_thread
from mx_core.homeserver.storage.room import Room
from mx_core.model.clock import Now
from mx_core.model.errors import Busy, MessageTooLarge, Refused, StoreDamaged, Unavailable
from mx_core.notation.hashing import DIGEST_OCTETS, b2_plain
from mx_core.proto.federation_pb2 import BlobChunk, BlobRef

CHUNK_OCTETS: Final = 256 * 1024
_UNFINISHED_PER_UPLOADER: Final = 16
_DAY_SECONDS: Final = 86_400.0  # an upload that broke off, a body that no row names
_SWEPT_AT_ONCE: Final = 100
_UNUSED_SECONDS: Final = 3_600.0  # a body put for several recipients is submitted once for each
_NAMED_SECONDS: Final = 3_600.0  # from the beginning of a put to its row; far below a day


class BlobStore:
    """The bodies of one depot and the rows that name them."""

    def __init__(
        self,
        depot: Depot,
        incoming: Path,
        database: Transactions,
        *,
        octets_max: int,
        unused_max: int,
        room: Room,
        now: Now,
    ) -> None:
        """*incoming* is of this process alone: uploads under way, on a disk of its own.

        Where the depot is a folder it is on the same file system.
        """
        self.depot = depot
        self._incoming = incoming
        self._database = database
        self.octets_max = octets_max
        self._unused_max = unused_max
        self._room = room
        self._now = now
        self.keeping = asyncio.Lock()  # held while no body may go: by the sweep, or by a backup
        self._uploading: set[Path] = set()  # one stream at a time writes a file

    async def keep(self, octets: bytes) -> Body:
        """Return *octets* as a body: itself if it fits into a row, else durable in the depot."""
        if (in_row := Body.in_row(octets)) is not None:
            return in_row
        blob_id = b2_plain(octets)
        here, lost = await self._is_here(blob_id)
        if not here:
            place, began = new_place(blob_id), self._now()
            await self.depot.put(place, octets)
            await self._name(blob_id, len(octets), place, began, lost)
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
        here, lost = await self._is_here(ref.id)
        if here:
            return ref.size
        self._room.check()
        if await self._database.read(bodies.unused_octets) + ref.size > self._unused_max:
            raise Busy("too many bodies were put that no envelope names; try again in an hour")
        path = self._incoming / f"{_tag(uploader)}-{ref.id.hex()}"
        if path in self._uploading:
            raise Busy("this body is being put already")
        self._uploading.add(path)
        try:
            return await self._upload(path, ref, first, following, lost)
        finally:
            self._uploading.discard(path)

    async def read(self, body: Body) -> bytes:
        """Return the octets of *body*.

        Raises:
            StoreDamaged: What a row names is not there, or not whole.
        """
        if body.inline is not None:
            return body.inline
        pieces = [piece async for piece in self.stream(body)]
        return b"".join(pieces)

    async def stream(self, body: Body, offset: int = 0) -> AsyncIterator[bytes]:
        """Yield the octets of a blob from *offset* on, in pieces of at most 256 KiB."""
        place, at = await self._place(body), offset
        while at < body.size:
            octets = await self._whole(place, at, min(CHUNK_OCTETS, body.size - at))
            yield octets
            at += len(octets)

    async def piece(self, body: Body, offset: int, length: int) -> bytes:
        """Return exactly *length* octets of a blob; raises as ``stream``."""
        return await self._whole(await self._place(body), offset, length)

    async def sweep(self) -> int:
        """Remove what nobody uses: unused blobs, uploads long broken off; return how many."""
        async with self.keeping:
            before = self._now() - _UNUSED_SECONDS
            old = time.time() - _DAY_SECONDS  # of the disk's clock, as st_mtime is
            removed = await in_thread(_remove_older, self._incoming, old)
            while gone := await self._database.write(
                lambda tx: bodies.forget_unused(tx, before, _SWEPT_AT_ONCE)
            ):
                # Crash here, or a depot that is away: bodies that no row names, and tidy() finds
                # them.  Whoever puts the same octets meanwhile puts them under another name.
                removed += len(gone)
                for place in gone:
                    await self.depot.remove(place)
            return removed

    async def recover(self) -> int:
        """At start: make the folders, remove what a crash left; return how many bodies.

        A crash between a body and its row, or between the end of the row and the body's, leaves
        one that no row names; nobody was promised it.
        """
        await self.depot.prepare()
        await in_thread(make_folder, self._incoming)
        if self.depot.far:
            return 0  # to go through all of it takes long; upkeep does
        return await self.tidy(alone=not self._database.shared)

    async def tidy(self, *, alone: bool = False) -> int:
        """Remove bodies that no row names; return how many.

        Where others put bodies too, one may lie there for an hour before its row is (and never
        longer, see ``_name``), so only those of yesterday go: a day is beyond any two clocks.
        """
        before = float("inf") if alone else time.time() - _DAY_SECONDS
        removed = 0
        async with self.keeping:
            async for some in self.depot.found():
                for place in await self._unnamed(some, before):
                    await self.depot.remove(place)
                    removed += 1
        return removed

    # ── inside ───────────────────────────────────────────────────────────────────────
    async def _upload(
        self,
        path: Path,
        ref: BlobRef,
        first: BlobChunk,
        following: AsyncIterator[BlobChunk],
        lost: str | None,
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
            place, began = new_place(ref.id), self._now()
            # Crash before the depot has it, or a depot that is away: a whole upload, which goes on
            # with nothing more to send.
            await self.depot.take(place, path)
            await self._name(ref.id, ref.size, place, began, lost)
            await in_thread(path.unlink, missing_ok=True)
        return held

    def _begin(self, path: Path) -> int:
        if path.exists():
            return path.stat().st_size
        uploader = path.name.partition("-")[0]
        if len(list(self._incoming.glob(f"{uploader}-*"))) >= _UNFINISHED_PER_UPLOADER:
            raise Busy("too many uploads of yours have broken off; finish one of them")
        write_new(path, ())
        return 0

    async def _name(
        self, blob_id: bytes, size: int, place: str, began: float, lost: str | None
    ) -> None:
        """Let the row name *place*, where the body is since *began*; instead of *lost*, if any."""
        # Crash before the row: a body that no row names, and tidy() removes it.
        # A row without its body can not happen: it is durable in the depot before the row is.
        failpoint.reach("put")

        def add(tx: sa.Connection) -> str:
            now = self._now()
            if now - began > _NAMED_SECONDS:  # so long that tidy() may come to it
                raise Unavailable("it took too long to store this body; put it again")
            return bodies.add(tx, blob_id, size, place, now, instead_of=lost)

        if await self._database.write(add) != place:
            await self.depot.remove(place)  # another was first; no row ever named this one

    async def _is_here(self, blob_id: bytes) -> tuple[bool, str | None]:
        """Tell whether the body is here, and else the name under which it should be, if any."""
        now = self._now()
        place = await self._database.write(lambda tx: bodies.touch(tx, blob_id, now))
        if place is None:
            return False, None
        return (True, None) if await self.depot.holds(place) else (False, place)

    async def _place(self, body: Body) -> str:
        blob_id = body.blob_id
        if blob_id is None:
            raise StoreDamaged("a body inside a row has no file")
        place = await self._database.read(lambda tx: bodies.place_of(tx, blob_id))
        if place is None:
            raise BlobMissing("this body is not here any more")
        return place

    async def _whole(self, place: str, offset: int, length: int) -> bytes:
        octets = await self.depot.piece(place, offset, length)
        if len(octets) != length:
            raise StoreDamaged(f"the file of blob {place.replace('/', '')[:16]} is cut short")
        return octets

    async def _unnamed(self, some: Sequence[Found], before: float) -> list[str]:
        old = [each.place for each in some if each.changed < before]
        return await self._database.read(lambda tx: bodies.unnamed(tx, old)) if old else []


def _tag(uploader: str) -> str:
    return b2_plain(uploader.encode()).hex()[:16]


def _append(path: Path, octets: bytes) -> None:
    with path.open("ab") as file:
        file.write(octets)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(
            file, lambda: hashlib.blake2b(digest_size=DIGEST_OCTETS)
        ).digest()


def _remove_older(folder: Path, than: float) -> int:
    removed = 0
    for path in folder.iterdir():
        if path.stat().st_mtime < than:
            path.unlink(missing_ok=True)
            removed += 1
    return removed
