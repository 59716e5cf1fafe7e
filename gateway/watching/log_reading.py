"""A domain's log read as files, through the own home server, and checked as it comes.

Nothing is asked of a person here: the files are the same for everybody.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

from msgspec import Struct

from mx_core.model.errors import Untrusted
from mx_core.tlog import merkle, tile
from mx_core.tlog.checkpoint import Checkpoint, open_checkpoint
from mx_core.tlog.log_proof import LogKeys, Seen

ReadLog = Callable[[str, str], Awaitable[bytes | None]]  # (domain, path)


class LogReader(Struct, frozen=True):
    """One domain's log; *read* raises Unavailable when it cannot be had now."""

    domain: str
    keys: LogKeys
    read: ReadLog

    async def checkpoint(self) -> tuple[Checkpoint, bytes]:
        """Return what the log shows now, and its octets; raises Untrusted."""
        note = await self.file("checkpoint")
        return open_checkpoint(note, self.keys.origin, self.keys.kt).checkpoint, note

    async def witnessed(self) -> tuple[Checkpoint, bytes] | None:
        """Return what the own home server has cosigned of it, or None; raises Untrusted."""
        note = await self.read(self.domain, "witnessed")
        if note is None:
            return None
        return open_checkpoint(note, self.keys.origin, self.keys.kt).checkpoint, note

    async def joined(self, older: Seen, newer: Seen) -> list[bytes]:
        """Return the proof that *newer* only added to *older*, made from tiles and not yet checked.

        Raises:
            Untrusted: ``proof``: the log does not give the tiles of a tree that it signed.
        """
        if older.size == newer.size:
            return []
        make = partial(merkle.consistency, older.size, newer.size)
        tiles: dict[tuple[int, int], list[bytes]] = {}
        for place in tile.needed(newer.size, make):
            level = place.level or 0
            octets = await self.file(tile.tile_path(level, place.index, place.width))
            tiles[(level, place.index)] = tile.parse_tile(octets, place.width)
        return make(tile.node_of(tiles))

    async def entries(self, first: int, size: int) -> AsyncIterator[list[bytes]]:
        """Yield the entries from *first* up to *size*, bundle by bundle; raises Untrusted."""
        while first < size:
            index, at = divmod(first, tile.WIDTH)
            width = min(tile.WIDTH, size - index * tile.WIDTH)
            octets = await self.file(tile.entries_path(index, width))
            yield tile.parse_entries(octets, width)[at:]
            first = index * tile.WIDTH + width

    async def file(self, path: str) -> bytes:
        """Return a file that must be there; raises Untrusted ``proof`` if it is not."""
        octets = await self.read(self.domain, path)
        if octets is None:
            raise Untrusted("proof", f"the log of {self.domain} does not show what it must")
        return octets
