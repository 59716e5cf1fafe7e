"""A file of frames: each write is one, and synced; what stands behind the newest frame is never read."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from mx_core.db.frames import ADDED_OCTETS
from mx_core.model.errors import StoreDamaged
from tests.support.frame_things import STEP, Open, failing


# ── made and opened ──────────────────────────────────────────────────────────────────
def test_a_file_that_is_made_is_for_its_owner_and_its_name_is_synced_before_anything_is_in_it(
    opened: Open, path: Path, calls: list[tuple[Any, ...]]
) -> None:
    opened().write([b"one"])

    assert path.stat().st_mode & 0o777 == 0o600
    assert calls == [
        ("fsync",),
        ("pwrite", STEP, 0),
        ("pwrite", 3 + ADDED_OCTETS, 0),
        ("fdatasync",),
    ]


def test_the_name_of_a_file_that_was_there_is_not_synced_again(
    opened: Open, calls: list[tuple[Any, ...]]
) -> None:
    opened().write([b"one"])
    calls.clear()
    opened().open()

    assert calls == []


def test_a_name_that_is_not_synced_is_said_and_leaves_it_unsure(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = opened()
    monkeypatch.setattr(os, "fsync", failing(errno.EIO))
    with pytest.raises(StoreDamaged):
        file.write([b"one"])

    assert file.is_unsure


def test_a_file_that_can_not_be_opened_leaves_nothing_unsure(opened: Open, path: Path) -> None:
    path.mkdir()
    file = opened()
    with pytest.raises(IsADirectoryError):
        file.write([b"one"])

    assert not file.is_unsure


def test_whoever_looks_for_records_makes_no_file(opened: Open, path: Path) -> None:
    assert list(opened().found()) == []
    assert not path.exists()


def test_what_is_closed_is_not_read_and_may_be_opened_again(opened: Open) -> None:
    file = opened()
    file.write([b"one"])
    file.close()
    file.close()
    with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
        file.read(0)

    assert list(file.found()) == [b"one"]


# ── written and read ─────────────────────────────────────────────────────────────────
def test_what_was_written_is_found_in_its_order_and_each_is_read_where_it_is(opened: Open) -> None:
    file = opened()
    first = file.write([b"one"])
    second = file.write([b"", b"three" * 100])

    assert (first, second) == (0, 3 + ADDED_OCTETS)
    assert list(opened().found()) == [b"one", b"", b"three" * 100]
    assert file.read(first) == b"one"
    assert file.read(second) == b""
    assert file.read(second + ADDED_OCTETS) == b"three" * 100
    assert file.read(second + 1) is None


def test_several_are_one_write_and_one_sync(opened: Open, calls: list[tuple[Any, ...]]) -> None:
    file = opened()
    file.write([b"one"])
    calls.clear()
    at = file.write([b"two", b"three"])

    assert calls == [("pwrite", 8 + 2 * ADDED_OCTETS, at), ("fdatasync",)]


def test_it_grows_by_steps_of_zeros_and_only_where_it_must(
    opened: Open, path: Path, calls: list[tuple[Any, ...]]
) -> None:
    file = opened()
    file.write([b"one"])
    calls.clear()
    file.write([bytes([7]) * (STEP - 3 - 2 * ADDED_OCTETS)])  # to its last octet
    filling = calls.copy()
    fits = path.stat().st_size
    calls.clear()
    at = file.write([bytes([7]) * (2 * STEP)])

    assert fits == at == STEP
    assert filling == [("pwrite", STEP - 3 - ADDED_OCTETS, 3 + ADDED_OCTETS), ("fdatasync",)]
    assert calls == [
        ("pwrite", 3 * STEP, STEP),
        ("pwrite", 2 * STEP + ADDED_OCTETS, STEP),
        ("fdatasync",),
    ]
    assert path.stat().st_size == 4 * STEP
    assert set(path.read_bytes()[at + 2 * STEP + ADDED_OCTETS :]) == {0}


def test_where_a_write_takes_less_than_it_was_given_the_rest_follows(
    opened: Open, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.pwrite
    took: list[int] = []

    def short(file: int, octets: bytes, at: int) -> int:
        took.append(real(file, bytes(octets[:100]), at))
        return took[-1]

    file = opened()
    monkeypatch.setattr(os, "pwrite", short)
    file.write([b"one" * 90, b"two" * 90])

    assert list(opened().found()) == [b"one" * 90, b"two" * 90]
    assert sum(took) == STEP + 540 + 2 * ADDED_OCTETS
    assert path.stat().st_size == STEP
    file.wipe()
    assert set(path.read_bytes()) == {0}


@pytest.mark.parametrize("which", [0, 1], ids=["to grow", "the frame"])
def test_a_write_that_is_refused_leaves_nothing_unsure_and_the_next_takes_its_place(
    opened: Open, monkeypatch: pytest.MonkeyPatch, which: int
) -> None:
    file, real = opened(), os.pwrite
    file.write([b"one"])
    asked: list[int] = []

    def full(file: int, octets: bytes, at: int) -> int:
        asked.append(at)
        if len(asked) <= which:
            return real(file, octets, at)
        raise OSError(errno.ENOSPC, "no room")

    with monkeypatch.context() as no_room:
        no_room.setattr(os, "pwrite", full)
        with pytest.raises(OSError, match="no room"):
            file.write([bytes(STEP)])
    unsure = file.is_unsure
    at = file.write([b"two" * STEP])

    assert len(asked) == which + 1
    assert not unsure
    assert at == 3 + ADDED_OCTETS
    assert list(opened().found()) == [b"one", b"two" * STEP]


def test_a_write_that_is_cut_short_and_then_refused_is_not_read_and_is_wiped(
    opened: Open, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, real = opened(), os.pwrite
    file.write([b"one"])
    asked: list[int] = []

    def filling(file: int, octets: bytes, at: int) -> int:
        asked.append(at)
        if len(asked) > 1:
            raise OSError(errno.ENOSPC, "no room")
        return real(file, bytes(octets[:60]), at)

    with monkeypatch.context() as no_room:
        no_room.setattr(os, "pwrite", filling)
        with pytest.raises(OSError, match="no room"):
            file.write([b"two" * 20, b"three"])

    assert list(opened().found()) == [b"one"]
    file.write([b"four"])
    assert list(opened().found()) == [b"one", b"four"]
    file.wipe()
    assert set(path.read_bytes()) == {0}, "what was left of it stood behind"


def test_a_sync_that_fails_leaves_it_unsure_until_one_is_done_in_the_same_place(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = opened()
    file.write([b"one"])
    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", failing(errno.EIO))
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            file.write([b"AAA", b"BBB"])
    unsure = file.is_unsure
    both = list(opened().found())
    at = file.write([b"two"])  # as long as the first of the two

    assert unsure
    assert both == [b"one", b"AAA", b"BBB"], "the next start may find them"
    assert not file.is_unsure
    assert at == 3 + ADDED_OCTETS
    assert list(opened().found()) == [b"one", b"two"]


# ── begun anew ───────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("newer", [[b"new"], [b"n"], [b"newer" * 10], [b"new", b"one"]])
def test_begun_anew_over_what_was_longer_nothing_of_that_is_read_behind_the_new_end(
    opened: Open, path: Path, newer: list[bytes]
) -> None:
    file = opened()
    file.write([b"old", b"two", b"three" * 100])
    grown = path.stat().st_size
    file.begin_anew()
    before = list(opened().found())
    at = file.write(newer)

    assert before == [b"old", b"two", b"three" * 100], "they are there until something else is"
    assert at == 0
    assert list(opened().found()) == newer
    assert path.stat().st_size == grown
