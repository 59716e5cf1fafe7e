"""Zeros over the frames that nobody needs: on the disk, or as soon as it likes."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from mx_core.db import frame_file
from mx_core.db.frames import ADDED_OCTETS
from tests.support.frame_things import STEP, Open, failing


def test_wiped_it_has_zeros_on_the_disk_and_begins_anew(
    opened: Open, path: Path, calls: list[tuple[Any, ...]]
) -> None:
    file = opened()
    file.write([b"one" * 100])
    file.begin_anew()
    file.write([b"two"])  # and the rest of the longer one stands behind it
    blank = file.is_blank()
    calls.clear()
    file.wipe()

    assert not blank
    assert calls == [("pwrite", 300 + ADDED_OCTETS, 0), ("fdatasync",)]
    assert set(path.read_bytes()) == {0}
    assert file.is_blank()
    assert list(opened().found()) == []
    assert file.write([b"three"]) == 0


def test_where_nothing_was_written_a_wipe_asks_nothing_of_the_disk(
    opened: Open, path: Path, calls: list[tuple[Any, ...]]
) -> None:
    file = opened()
    file.wipe()
    assert not path.exists()
    file.write([b"one"])
    file.wipe()
    calls.clear()
    file.wipe()

    assert calls == []


def test_much_is_wiped_piece_by_piece(
    opened: Open,
    path: Path,
    calls: list[tuple[Any, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(frame_file, "_ZEROS_AT_ONCE", 1_000)
    file = opened()
    file.write([b"x" * 2_000])
    calls.clear()
    file.wipe()

    assert calls == [
        ("pwrite", 1_000, 0),
        ("pwrite", 1_000, 1_000),
        ("pwrite", ADDED_OCTETS, 2_000),
        ("fdatasync",),
    ]
    assert set(path.read_bytes()) == {0}


@pytest.mark.parametrize("call", ["pwrite", "fdatasync"])
def test_a_wipe_that_fails_is_said_and_the_next_goes_over_it_again(
    opened: Open, path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    file = opened()
    file.write([b"one" * 100])
    with monkeypatch.context() as broken:
        broken.setattr(os, call, failing(errno.EIO))
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            file.wipe()
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    file.wipe()

    assert len(synced) == 1
    assert set(path.read_bytes()) == {0}


@pytest.mark.parametrize("whole", [True, False])
def test_what_an_earlier_process_left_is_wiped_whole_or_as_far_as_its_frames_count(
    opened: Open, path: Path, *, whole: bool
) -> None:
    file = opened()
    file.write([b"old" * 100, b"two"])
    file.begin_anew()
    file.write([b"one"])
    file.close()
    again = opened(whole=whole)
    found = list(again.found())
    again.wipe()

    assert found == [b"one"]
    assert set(path.read_bytes()[: 3 + ADDED_OCTETS]) == {0}
    assert again.is_blank() is whole
    assert list(opened().found()) == []


def test_wiped_unsynced_it_has_zeros_that_nobody_waits_for(
    opened: Open, path: Path, calls: list[tuple[Any, ...]]
) -> None:
    file = opened()
    file.write([b"one"])
    calls.clear()
    file.wipe_unsynced(STEP)

    assert calls == [("pwrite", 3 + ADDED_OCTETS, 0)]
    assert path.read_bytes() == bytes(STEP)
    assert file.write([b"two"]) == 0


def test_wiped_unsynced_it_gives_back_what_is_not_kept_and_grows_again(
    opened: Open, path: Path
) -> None:
    file = opened()
    file.write([b"x" * 3 * STEP])
    grown = path.stat().st_size
    file.wipe_unsynced(2 * STEP)
    kept = path.read_bytes()
    file.write([b"y" * 3 * STEP])

    assert grown == 4 * STEP
    assert kept == bytes(2 * STEP)
    assert path.stat().st_size == 4 * STEP
    assert list(opened().found()) == [b"y" * 3 * STEP]


def test_what_can_not_be_wiped_unsynced_is_written_over_by_the_next_round(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = opened()
    file.write([b"one", b"two"])
    with monkeypatch.context() as broken:
        broken.setattr(os, "pwrite", failing(errno.EIO))
        file.wipe_unsynced(STEP)
    left = list(opened().found())
    at = file.write([b"new"])

    assert left == [b"one", b"two"]
    assert at == 0
    assert list(opened().found()) == [b"new"]
