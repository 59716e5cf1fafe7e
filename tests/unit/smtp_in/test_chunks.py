"""Chunks of announced length: the octets as they came, within bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_in.body import Flaw, Room
from smtp_in.chunks import Chunk, ChunkReader, parse_chunk


def reader(
    room: Room | None = None, message_octets: int = 100, line_octets: int = 50
) -> ChunkReader:
    return ChunkReader(room or Room(1_000), message_octets=message_octets, line_octets=line_octets)


def read(*pieces: bytes, **limits: int) -> bytes | Flaw:
    one = reader(**limits)  # type: ignore[arg-type]
    for piece in pieces:
        one.feed(piece)
    return one.message()


@pytest.mark.parametrize(
    ("argument", "chunk"),
    [
        ("0", Chunk(0, last=False)),
        ("0 LAST", Chunk(0, last=True)),
        ("1234  last", Chunk(1234, last=True)),
        (None, None),
        ("", None),
        ("-1", None),
        ("1 MORE", None),
        ("x", None),
        ("1" * 21, None),
        ("１", None),  # a digit that is not ASCII
    ],
)
def test_the_argument_is_a_number_and_perhaps_last(
    argument: str | None, chunk: Chunk | None
) -> None:
    assert parse_chunk(argument) == chunk


@given(
    lines=st.lists(st.sampled_from([b"", b".", b"..", b"plain", b"\xff"])),
    cuts=st.lists(st.integers(0, 7), max_size=20),
)
def test_octets_come_out_as_they_went_in_however_they_are_cut(
    lines: list[bytes], cuts: list[int]
) -> None:
    message = b"".join(line + b"\r\n" for line in lines)
    pieces, rest = [], message
    for cut in cuts:
        pieces.append(rest[:cut])
        rest = rest[cut:]

    assert read(*pieces, rest, message_octets=10_000) == message


@pytest.mark.parametrize("octets", [b"a\nb\r\n", b"a\rb\r\n", b"a\0\r\n", b"\r", b"\n"])
def test_bare_octets_are_refused(octets: bytes) -> None:
    assert read(octets) is Flaw.BARE_OCTET


def test_a_pair_that_is_cut_in_two_is_one_line_end() -> None:
    assert read(b"a\r", b"\nb\r\n") == b"a\r\nb\r\n"


def test_a_message_over_the_limit_is_refused_and_not_kept() -> None:
    room = Room(1_000)
    one = reader(room)
    one.feed(b"x" * 60)
    one.feed(b"x" * 60)
    one.feed(b"\r\n")

    assert one.message() is Flaw.TOO_LARGE
    assert room.take(1_000)


def test_the_line_limit_counts_a_line_without_its_end() -> None:
    assert read(b"x" * 50 + b"\r\n", b"y" * 40) == b"x" * 50 + b"\r\n" + b"y" * 40
    assert read(b"x" * 51 + b"\r\n") is Flaw.LINE_TOO_LONG
    assert read(b"\r\n" + b"x" * 51) is Flaw.LINE_TOO_LONG


def test_what_other_messages_hold_is_not_there_for_this_one() -> None:
    room = Room(50)
    assert room.take(30)
    one = reader(room)
    one.feed(b"x" * 30)

    assert one.message() is Flaw.NO_ROOM


def test_closing_gives_the_room_back_once() -> None:
    room = Room(50)
    one = reader(room)
    one.feed(b"x" * 50)
    one.close()
    one.close()

    assert room.take(50)
    assert not room.take(1)
