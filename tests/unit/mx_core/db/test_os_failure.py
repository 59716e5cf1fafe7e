"""What the system says of a disk, and who must act on it."""

import errno
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from mx_core.db.os_failure import has_room, translate_os
from mx_core.model.errors import DiskFull, StoreDamaged


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may grow beyond 100 KB, as on a disk with a quota."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("number", "meaning"),
    [
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, DiskFull),
        (errno.EFBIG, DiskFull),
        (errno.EIO, StoreDamaged),
    ],
)
def test_a_full_disk_and_a_failing_one_are_told_apart(
    number: int, meaning: type[Exception]
) -> None:
    assert type(translate_os(OSError(number, "told by the system"))) is meaning


def test_what_is_neither_is_left_alone() -> None:
    error = PermissionError(errno.EACCES, "told by the system")

    assert translate_os(error) is error


def test_there_is_room_while_the_log_can_grow(tmp_path: Path) -> None:
    log = tmp_path / "x-wal"
    assert has_room(log)
    log.write_bytes(bytes(90_000))

    assert has_room(log)
    assert list(tmp_path.iterdir()) == [log]


@pytest.mark.usefixtures("small_files")
def test_there_is_no_room_when_the_log_can_not_grow(tmp_path: Path) -> None:
    log = tmp_path / "x-wal"
    log.write_bytes(bytes(90_000))

    assert not has_room(log)
    assert list(tmp_path.iterdir()) == [log]
