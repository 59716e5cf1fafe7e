"""The log as files, by the paths of C2SP tlog-tiles: what anybody may read of it.

Tiles are made from the hashes in memory, bundles from the rows.  Nothing here names a person.
"""

from __future__ import annotations

from typing import Final

from mx_core.homeserver.log.log_book import LogBook
from mx_core.homeserver.log.witnessing import Witness
from mx_core.homeserver.queue.peers import Peers
from mx_core.tlog import tile

CHECKPOINT: Final = "checkpoint"
WITNESSED: Final = "witnessed"


async def read(book: LogBook, path: str) -> bytes | None:
    """Return the file, or None: there is none of that name, or not yet."""
    shown = await book.current()
    if path == CHECKPOINT:
        return shown.note
    place = tile.parse_path(path)
    if place is None or place.width > tile.WIDTH:
        return None
    first = place.index * tile.WIDTH
    if place.level is not None:
        return book.hashes(place.level * tile.HEIGHT, first, place.width)
    entries = await book.leaves(first, place.width)
    return tile.render_entries(entries) if len(entries) == place.width else None


class LogReading:
    """Files of any log, for the people of this domain: its own, or fetched from a peer."""

    def __init__(self, domain: str, book: LogBook, witness: Witness, peers: Peers) -> None:
        self._domain = domain
        self._book = book
        self._witness = witness
        self._peers = peers

    async def read(self, domain: str, path: str) -> bytes | None:
        """Return the file, or None.

        Raises:
            NotPermitted, UnknownRecipient, Unavailable, Untrusted: As the peer, or its absence.
        """
        if path == WITNESSED:
            return await self._witness.newest(domain)
        if domain == self._domain:
            return await read(self._book, path)
        return await self._peers.read_log(domain, path)
