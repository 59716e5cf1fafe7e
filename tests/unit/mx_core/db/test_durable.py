"""New files: whole and synced, or not there."""

import errno
import os
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mx_core.db.durable import make_folder, write_all_new, write_new
from mx_core.model.errors import DiskFull, StoreDamaged


def test_a_file_is_made_of_its_pieces_for_its_owner_alone(tmp_path: Path) -> None:
    write_new(tmp_path / "x", [b"one", b"", b"two"])

    assert (tmp_path / "x").read_bytes() == b"onetwo"
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What was synced, in order."""
    paths: list[Path] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        paths.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return paths


def test_the_file_and_its_name_are_synced_before_the_call_returns(
    tmp_path: Path, synced: list[Path]
) -> None:
    """The expected system calls, in order."""
    write_new(tmp_path / "x", [b"one"])

    assert synced == [tmp_path / "x", tmp_path]


def test_of_many_files_all_are_written_before_one_is_synced_and_their_folder_is_synced_once(
    tmp_path: Path, synced: list[Path]
) -> None:
    def pieces(name: str) -> Iterator[bytes]:
        assert not synced
        yield name.encode()

    write_all_new(tmp_path, [(name, pieces(name)) for name in "abc"])

    assert sorted(synced) == [tmp_path, tmp_path / "a", tmp_path / "b", tmp_path / "c"]
    assert [(tmp_path / name).read_bytes() for name in "abc"] == [b"a", b"b", b"c"]


def test_syncs_of_many_files_are_asked_for_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each waits until all are under way; one after the other would wait for ever."""
    all_of_them = threading.Barrier(4)

    def fsync(_: int) -> None:
        all_of_them.wait(60.0)

    monkeypatch.setattr(os, "fsync", fsync)

    write_all_new(tmp_path, [(name, [b"x"]) for name in "abc"])

    assert not all_of_them.broken


def test_if_one_of_many_can_not_be_synced_none_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().name == "b":
            raise OSError(errno.EIO, "made up")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)

    with pytest.raises(StoreDamaged):
        write_all_new(tmp_path, [(name, [b"x"]) for name in "abc"])
    assert list(tmp_path.iterdir()) == []


def test_of_nothing_nothing_is_synced(tmp_path: Path, synced: list[Path]) -> None:
    write_all_new(tmp_path, [])

    assert not synced


def test_if_one_file_can_not_be_made_none_stays_but_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"before")

    with pytest.raises(FileExistsError):
        write_all_new(tmp_path, [("a", [b"new"]), ("b", [b"new"]), ("c", [b"new"])])

    assert [path.name for path in tmp_path.iterdir()] == ["b"]
    assert (tmp_path / "b").read_bytes() == b"before"


def test_each_folder_that_is_made_has_a_durable_name(tmp_path: Path, synced: list[Path]) -> None:
    make_folder(tmp_path / "a" / "b" / "c")

    assert synced == [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700


def test_a_folder_left_unsynced_by_a_killed_start_is_synced_by_the_next(
    tmp_path: Path, synced: list[Path]
) -> None:
    (tmp_path / "a").mkdir()

    make_folder(tmp_path / "a")

    assert synced == [tmp_path]


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    write_new(tmp_path / "x", [b"first"])

    with pytest.raises(FileExistsError):
        write_new(tmp_path / "x", [b"second"])
    assert (tmp_path / "x").read_bytes() == b"first"


def test_a_full_disk_leaves_no_part_behind(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(DiskFull):
            write_new(tmp_path / "x", [bytes(90_000), bytes(90_000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert list(tmp_path.iterdir()) == []
