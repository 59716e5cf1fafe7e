"""The right edge of a tree says its root as the whole tree does; tiles hold all that a proof needs."""

from functools import partial

import pytest

from mx_core.tlog import merkle, tile
from mx_core.tlog.frontier import Frontier
from tests.support.small_log import SmallLog


@pytest.fixture(scope="module")
def log() -> SmallLog:
    made = SmallLog()
    for n in range(150):
        made.add((f"u{n % 2}@a.example", b"%d" % n), ("v@a.example", b"%d" % n))
    return made


def test_the_edge_gives_the_root_at_every_size_however_it_grew(log: SmallLog) -> None:
    edge = Frontier()
    assert edge.root() == merkle.EMPTY_ROOT
    for at, entry in enumerate(log.entries):
        edge = edge.grown([entry])
        assert edge.root() == merkle.root(at + 1, log.log.node)
    assert Frontier().grown(log.entries) == edge
    assert len(edge.peaks) == edge.size.bit_count()


@pytest.mark.parametrize("older", [1, 2, 255, 256, 257, 300, 449])
def test_tiles_hold_what_a_consistency_proof_needs(log: SmallLog, older: int) -> None:
    size = log.log.size
    make = partial(merkle.consistency, older, size)

    tiles = {}
    for place in tile.needed(size, make):
        assert place.level is not None
        first = place.index * tile.WIDTH
        assert (first + place.width) << (tile.HEIGHT * place.level) <= size
        tiles[(place.level, place.index)] = [
            log.log.node(tile.HEIGHT * place.level, first + at) for at in range(place.width)
        ]

    assert make(tile.node_of(tiles)) == make(log.log.node)


def test_a_path_is_read_as_it_is_written() -> None:
    for index in (0, 7, 999, 1000, 123_456_789):
        for width in (1, 255, 256):
            assert tile.parse_path(tile.tile_path(3, index, width)) == tile.Place(3, index, width)
            assert tile.parse_path(tile.entries_path(index, width)) == tile.Place(
                None, index, width
            )
    for path in (
        "tile/0/000.p/256x",
        "tile/0/x000/001",
        "tile/8/000",
        "tile/0/1",
        "tile/0/000.p/0",
    ):
        assert tile.parse_path(path) is None
