"""Sealed files: any range, and nothing but the whole truth."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mx_core.model.errors import StoreDamaged
from mx_core.model.secret import Secret
from mx_core.store.bodies import file as body_file
from mx_core.store.bodies.file import CHUNK_OCTETS, GrowingFile, OpenedFile, SealedFile

FILE = SealedFile(b"f" * 16, Secret(b"k" * 32), 3 * CHUNK_OCTETS + 17)
OCTETS = bytes(n * 31 % 251 for n in range(FILE.size))
SEALED_CHUNK = CHUNK_OCTETS + 16
Read = Callable[[Path, SealedFile, int, int], bytes]


def read_opened(folder: Path, file: SealedFile, start: int, end: int) -> bytes:
    return OpenedFile(folder, file)[start:end]


EITHER_WAY = pytest.mark.parametrize("read", [body_file.read, read_opened])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("bodies")
    body_file.write(made, [(FILE, OCTETS)])
    return made


def path_of(folder: Path) -> Path:
    return folder / FILE.file_id.hex()


@EITHER_WAY
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(start=st.integers(0, FILE.size + 10), length=st.integers(0, FILE.size + 10))
def test_any_range_is_what_was_written(folder: Path, read: Read, start: int, length: int) -> None:
    assert read(folder, FILE, start, start + length) == OCTETS[start : start + length]


@EITHER_WAY
def test_a_range_reads_only_the_chunks_it_touches(folder: Path, tmp_path: Path, read: Read) -> None:
    sealed = bytearray(path_of(folder).read_bytes())
    sealed[0] ^= 1
    path_of(tmp_path).write_bytes(sealed)

    assert (
        read(tmp_path, FILE, CHUNK_OCTETS, CHUNK_OCTETS + 5)
        == (OCTETS[CHUNK_OCTETS : CHUNK_OCTETS + 5])
    )
    with pytest.raises(StoreDamaged):
        read(tmp_path, FILE, 0, 1)


@EITHER_WAY
@pytest.mark.parametrize("size", [1, CHUNK_OCTETS - 1, CHUNK_OCTETS, CHUNK_OCTETS + 1])
def test_sizes_about_a_chunk_come_back_whole(tmp_path: Path, read: Read, size: int) -> None:
    file = SealedFile(b"g" * 16, Secret(b"k" * 32), size)
    body_file.write(tmp_path, [(file, OCTETS[:size])])

    assert read(tmp_path, file, 0, size) == OCTETS[:size]


def _swap(sealed: bytes) -> bytes:
    return (
        sealed[SEALED_CHUNK : 2 * SEALED_CHUNK] + sealed[:SEALED_CHUNK] + sealed[2 * SEALED_CHUNK :]
    )


@EITHER_WAY
@pytest.mark.parametrize(
    "damage",
    [
        lambda sealed: sealed[:-1],
        lambda sealed: sealed[: 3 * SEALED_CHUNK],
        lambda sealed: sealed[:10] + bytes([sealed[10] ^ 1]) + sealed[11:],
        _swap,
        lambda _sealed: b"",
    ],
    ids=["cut", "last chunk gone", "bit", "swapped", "empty"],
)
def test_a_damaged_file_does_not_open(
    folder: Path, tmp_path: Path, read: Read, damage: object
) -> None:
    assert callable(damage)
    path_of(tmp_path).write_bytes(damage(path_of(folder).read_bytes()))

    with pytest.raises(StoreDamaged):
        read(tmp_path, FILE, 0, FILE.size)


@EITHER_WAY
@pytest.mark.parametrize("left", [0, 1, 15, 16, 17])
def test_a_chunk_of_which_little_is_left_does_not_open(
    folder: Path, tmp_path: Path, read: Read, left: int
) -> None:
    path_of(tmp_path).write_bytes(path_of(folder).read_bytes()[: 3 * SEALED_CHUNK + left])

    with pytest.raises(StoreDamaged):
        read(tmp_path, FILE, 3 * CHUNK_OCTETS, FILE.size)


@EITHER_WAY
@pytest.mark.parametrize("start", [0, 2 * CHUNK_OCTETS])
def test_a_shorter_size_in_the_row_does_not_pass_for_the_end(
    folder: Path, read: Read, start: int
) -> None:
    """The last flag is bound into the chunk, so a prefix of whole chunks is no file."""
    cut = SealedFile(FILE.file_id, FILE.key, 3 * CHUNK_OCTETS)

    with pytest.raises(StoreDamaged):
        read(folder, cut, start, cut.size)


@EITHER_WAY
def test_a_file_under_another_name_or_key_does_not_open(
    folder: Path, tmp_path: Path, read: Read
) -> None:
    other = SealedFile(b"h" * 16, FILE.key, FILE.size)
    (tmp_path / other.file_id.hex()).write_bytes(path_of(folder).read_bytes())

    with pytest.raises(StoreDamaged):
        read(tmp_path, other, 0, 1)
    with pytest.raises(StoreDamaged):
        read(folder, SealedFile(FILE.file_id, Secret(bytes(32)), FILE.size), 0, 1)
    with pytest.raises(StoreDamaged):
        read(tmp_path, FILE, 0, 1)


@pytest.mark.parametrize(
    "size", [1, CHUNK_OCTETS - 1, CHUNK_OCTETS, CHUNK_OCTETS + 1, 2 * CHUNK_OCTETS, FILE.size]
)
@pytest.mark.parametrize("piece", [1_000, CHUNK_OCTETS, 10 * CHUNK_OCTETS])
def test_a_file_that_was_written_as_it_came_is_the_same_file(
    tmp_path: Path, size: int, piece: int
) -> None:
    growing = GrowingFile(tmp_path, b"g" * 16, Secret(b"k" * 32))
    for at in range(0, size, piece):
        growing.write(OCTETS[at : min(at + piece, size)])
    file = growing.finish()

    assert (file.file_id, file.size) == (b"g" * 16, size)
    assert growing.finish().size == size
    assert body_file.read(tmp_path, file, 0, size) == OCTETS[:size]
    assert path_of_id(tmp_path, b"g" * 16).stat().st_size == body_file.sealed_size(size)
    assert path_of_id(tmp_path, b"g" * 16).stat().st_mode & 0o777 == 0o600


def test_a_file_that_nobody_wants_is_gone(tmp_path: Path) -> None:
    growing = GrowingFile(tmp_path, b"g" * 16, Secret(b"k" * 32))
    growing.write(OCTETS)
    growing.discard()

    assert list(tmp_path.iterdir()) == []


def path_of_id(folder: Path, file_id: bytes) -> Path:
    return folder / file_id.hex()
