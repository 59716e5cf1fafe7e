"""New files: whole and synced, or not there."""

import os
import resource
from pathlib import Path

import pytest

from mx_core.db.durable import write_new
from mx_core.model.errors import DiskFull


def test_a_file_is_made_of_its_pieces_for_its_owner_alone(tmp_path: Path) -> None:
    write_new(tmp_path / "x", [b"one", b"", b"two"])

    assert (tmp_path / "x").read_bytes() == b"onetwo"
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600


def test_the_file_and_its_name_are_synced_before_the_call_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The expected system calls, in order."""
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    write_new(tmp_path / "x", [b"one"])

    assert synced == [str(tmp_path / "x"), str(tmp_path)]


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
