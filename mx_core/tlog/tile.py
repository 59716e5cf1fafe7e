"""A log as static files: tiles of 256 hashes and bundles of 256 entries.

C2SP tlog-tiles.  Here are names and octets only; who keeps the files is elsewhere.

Failure class: ``tile``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from mx_core.model.errors import Untrusted
from mx_core.tlog.merkle import HASH_OCTETS, Node, node_hash

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
ENTRY_OCTETS_MAX: Final = 0xFFFF
_PATH: Final = re.compile(
    r"tile/(entries|[0-7])/((?:x[0-9]{3}/){0,4}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?"
)
_GROUP: Final = 1000  # three digits of a path


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """Return the path of the tile *index* of *level*; *width* below 256 is a partial tile."""
    return f"tile/{level}/{_number(index)}{_partial(width)}"


def entries_path(index: int, width: int = WIDTH) -> str:
    """Return the path of the bundle with the entries of level-0 tile *index*."""
    return f"tile/entries/{_number(index)}{_partial(width)}"


class Place(Struct, frozen=True):
    """What a path names; *level* None is a bundle of entries."""

    level: int | None
    index: int
    width: int


def parse_path(path: str) -> Place | None:
    """Return what *path* names, or None if it is the path of no tile."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    index = int(match[2].replace("x", "").replace("/", ""))
    width = int(match[3] or WIDTH)
    level = None if match[1] == "entries" else int(match[1])
    made = entries_path(index, width) if level is None else tile_path(level, index, width)
    return Place(level, index, width) if made == path else None


def tiles_of(size: int) -> Iterator[tuple[int, int, int]]:
    """Yield (level, index, width) of every tile that a log of *size* leaves has."""
    level = 0
    while size:
        for index in range(size // WIDTH):
            yield level, index, WIDTH
        if size % WIDTH:
            yield level, size // WIDTH, size % WIDTH
        size //= WIDTH
        level += 1


def parse_tile(octets: bytes, width: int) -> list[bytes]:
    """Return the hashes of a tile; raises Untrusted ``tile``."""
    if len(octets) != width * HASH_OCTETS:
        raise Untrusted("tile", "a tile of the wrong length")
    return [octets[at : at + HASH_OCTETS] for at in range(0, len(octets), HASH_OCTETS)]


def render_entries(entries: Sequence[bytes]) -> bytes:
    """Return the bundle of *entries*, each after its length as u16 big-endian."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def parse_entries(octets: bytes, width: int) -> list[bytes]:
    """Return the *width* entries of a bundle; raises Untrusted ``tile``."""
    entries: list[bytes] = []
    at = 0
    while at < len(octets) and len(entries) < width:
        length = int.from_bytes(octets[at : at + 2], "big")
        entries.append(octets[at + 2 : at + 2 + length])
        at += 2 + length
    if at != len(octets) or len(entries) != width:
        raise Untrusted("tile", "a bundle that does not hold its entries")
    return entries


def node_of(tiles: Mapping[tuple[int, int], Sequence[bytes]]) -> Node:
    """Return the hashes of a tree whose *tiles* are known by (level, index).

    A hash between two tile levels is computed from the tile below it.  Asking for what no tile
    holds raises Untrusted ``tile``.
    """

    def node(level: int, index: int) -> bytes:
        tile_level, above = divmod(level, HEIGHT)
        first = index << above
        tile, place = divmod(first, WIDTH)
        row = list(tiles.get((tile_level, tile), ())[place : place + (1 << above)])
        if len(row) != 1 << above:
            raise Untrusted("tile", "a tile that is needed is missing")
        while len(row) > 1:
            row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
        return row[0]

    return node


def needed(size: int, make: Callable[[Node], object]) -> list[Place]:
    """Return the tiles of a log of *size* leaves that *make* looks into; its result is thrown away."""
    places: dict[Place, None] = {}

    def note(level: int, index: int) -> bytes:
        tile_level, above = divmod(level, HEIGHT)
        tile = (index << above) // WIDTH
        width = min(WIDTH, (size >> (HEIGHT * tile_level)) - tile * WIDTH)
        places[Place(tile_level, tile, width)] = None
        return bytes(HASH_OCTETS)

    make(note)
    return list(places)


def _number(index: int) -> str:
    index, last = divmod(index, _GROUP)
    path = f"{last:03d}"
    while index:
        index, group = divmod(index, _GROUP)
        path = f"x{group:03d}/{path}"
    return path


def _partial(width: int) -> str:
    return "" if width == WIDTH else f".p/{width}"
