"""Frames of the log: each counts only right behind the one it was written behind."""

import hashlib
import secrets

import pytest

from mx_core.db import frames

KEY = frames.FrameKey(b"MX1.accepted", bytes(range(32)))
RECORDS = (b"one", b"", b"three" * 1_000)


def written(records: tuple[bytes, ...] = RECORDS) -> list[bytes]:
    made: list[bytes] = []
    before = frames.FIRST
    for record in records:
        made.append(frames.seal(KEY, before, secrets.token_bytes(frames.NONCE_OCTETS), record))
        before = frames.tag_of(made[-1])
    return made


def read(octets: bytes, key: frames.FrameKey = KEY) -> list[bytes]:
    found = frames.read_all(key, lambda many, at: octets[at : at + many])
    return [frame.record for frame in found]


def test_what_was_written_is_read_in_its_order() -> None:
    assert read(b"".join(written())) == list(RECORDS)
    assert read(b"".join(written()) + bytes(10_000)) == list(RECORDS)
    assert read(b"") == read(bytes(10_000)) == []


def test_a_frame_is_what_its_page_says() -> None:
    """docs/spec/accepted.md §1, the example there."""
    first = frames.seal(KEY, frames.FIRST, bytes(24), b"one")
    second = frames.seal(KEY, frames.tag_of(first), b"\1" * 24, b"two")

    assert first.hex() == ("00000003" + "00" * 24 + "fa68e9678819062b56a554277be7f46576fb3d")
    assert (
        hashlib.blake2b(first + second, digest_size=16).hexdigest()
        == "1603f91e4f9c41bccd70853a30293104"
    )


def test_each_frame_is_found_by_its_place() -> None:
    made = written()
    octets = b"".join(made)
    at = 0
    for frame, record in zip(made, RECORDS, strict=True):
        found = frames.read_one(KEY, lambda many, start: octets[start : start + many], at)

        assert found == frames.Frame(at, len(frame), record)
        at += len(frame)


@pytest.mark.parametrize("cut", [1, 20, 44, 60])
def test_a_frame_that_was_cut_ends_what_is_read(cut: int) -> None:
    first, second, _ = written()
    whole = first + second

    assert read(whole[: len(first) + min(cut, len(second) - 1)]) == [b"one"]
    assert read(whole[: len(first) - 1] + bytes(cut)) == []


@pytest.mark.parametrize("which", [0, 5, 30, -1])
def test_a_frame_with_an_octet_altered_ends_what_is_read(which: int) -> None:
    first, second, third = written()
    altered = bytearray(second)
    altered[which] ^= 1

    assert read(first + bytes(altered) + third) == [b"one"]


def test_what_an_earlier_round_has_left_is_not_read_behind_a_newer_one() -> None:
    earlier, newer = written(), written((b"new",))

    assert len(newer[0]) == len(earlier[0])  # so the next one stands where it stood
    assert read(newer[0] + b"".join(earlier[1:])) == [b"new"]


def test_under_another_key_or_of_another_log_nothing_is_read() -> None:
    assert read(b"".join(written()), frames.FrameKey(KEY.label, bytes(32))) == []
    assert read(b"".join(written()), frames.FrameKey(b"MX1.redo", KEY.octets)) == []


def test_a_length_beyond_all_bounds_ends_what_is_read() -> None:
    asked: list[int] = []

    def reading(many: int, at: int) -> bytes:
        asked.append(many)
        return (b"\xff" * 100)[at : at + many]

    assert list(frames.read_all(KEY, reading)) == []
    assert max(asked) < 100
