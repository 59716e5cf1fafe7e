"""Paths and octets of tiles, and a log that Tessera made, read and verified whole."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.model.errors import Untrusted
from mx_core.tlog import merkle, tile
from mx_core.tlog.checkpoint import open_checkpoint
from mx_core.tlog.note import NoteKey

PUBLIC = os.environ.get("MX_PUBLIC_VECTORS")
TESSERA = NoteKey.parse(
    "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (tile.tile_path(0, 0), "tile/0/000"),
        (tile.tile_path(0, 1_234_067, 5), "tile/0/x001/x234/067.p/5"),
        (tile.tile_path(3, 999), "tile/3/999"),
        (tile.entries_path(1_000), "tile/entries/x001/000"),
        (tile.entries_path(0, 255), "tile/entries/000.p/255"),
    ],
)
def test_paths_are_those_of_the_format(path: str, expected: str) -> None:
    assert path == expected


def test_a_log_has_full_tiles_and_one_partial_at_each_level() -> None:
    assert list(tile.tiles_of(0)) == []
    assert list(tile.tiles_of(256)) == [(0, 0, 256), (1, 0, 1)]
    assert list(tile.tiles_of(600)) == [(0, 0, 256), (0, 1, 256), (0, 2, 88), (1, 0, 2)]


def _by_definition(hashes: list[bytes]) -> merkle.Node:
    def node(level: int, index: int) -> bytes:
        if level == 0:
            return hashes[index]
        return merkle.node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))

    return node


@given(size=st.integers(1, 700))
def test_a_root_is_computed_from_tiles_alone(size: int) -> None:
    hashes = [merkle.leaf_hash(number.to_bytes(2, "big")) for number in range(size)]
    tiles = {}
    level, row = 0, hashes
    while row:
        for at in range(0, len(row), 256):
            tiles[(level, at // 256)] = row[at : at + 256]
        row = [_by_definition(hashes)(8 * (level + 1), index) for index in range(len(row) // 256)]
        level += 1

    assert merkle.root(size, tile.node_of(tiles)) == merkle.root(size, _by_definition(hashes))
    assert {key[:2] for key in tile.tiles_of(size)} == set(tiles)


def test_what_no_tile_holds_is_refused() -> None:
    with pytest.raises(Untrusted):
        tile.node_of({})(0, 0)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_reads_as_it_was_written(entries: list[bytes]) -> None:
    octets = tile.render_entries(entries)

    assert tile.parse_entries(octets, len(entries)) == entries
    with pytest.raises(Untrusted):
        tile.parse_entries(octets + b"\0", len(entries))


def test_a_tile_of_another_length_is_refused() -> None:
    with pytest.raises(Untrusted):
        tile.parse_tile(bytes(31), 1)


SIZES = range(1, 16 if PUBLIC else 1)


@pytest.mark.parametrize("size", SIZES)
def test_a_log_of_tessera_is_read_and_its_checkpoint_agrees(size: int) -> None:
    folder = Path(str(PUBLIC)) / "tessera" / "testdata" / "log"
    opened = open_checkpoint(
        (folder / f"checkpoint.{size}").read_bytes(), TESSERA.name, TESSERA.public
    )
    hashes = tile.parse_tile((folder / tile.tile_path(0, 0, size)).read_bytes(), size)
    entries = tile.parse_entries((folder / tile.entries_path(0, size)).read_bytes(), size)

    assert opened.checkpoint.size == size
    assert [merkle.leaf_hash(entry) for entry in entries] == hashes
    assert merkle.root(size, tile.node_of({(0, 0): hashes})) == opened.checkpoint.root
