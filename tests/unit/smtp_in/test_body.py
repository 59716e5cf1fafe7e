"""From DATA to CRLF.CRLF, for every way to cut the octets."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_in.body import DataReader, Flaw, Room, has_bare_octet

HEAD = b"Subject: x\r\n\r\nbody\r\n"


def reader(message_octets: int = 1000, line_octets: int = 100, room: int = 10_000) -> DataReader:
    return DataReader(Room(room), message_octets=message_octets, line_octets=line_octets)


def read(*pieces: bytes, **limits: int) -> tuple[bytes | Flaw | None, bytes]:
    """Feed the pieces; return the message (None while it has no end) and what follows."""
    one = reader(**limits)
    for number, piece in enumerate(pieces):
        rest = one.feed(piece)
        if rest is not None:
            return one.message(), rest + b"".join(pieces[number + 1 :])
    return None, b""


def splits(octets: bytes) -> list[tuple[bytes, ...]]:
    """The whole, every cut in two, and octet by octet."""
    return [
        (octets,),
        *((octets[:at], octets[at:]) for at in range(1, len(octets))),
        tuple(octets[at : at + 1] for at in range(len(octets))),
    ]


def test_only_crlf_dot_crlf_ends_a_message_however_it_is_cut() -> None:
    for pieces in splits(HEAD + b".\r\nNOOP\r\n"):
        message, rest = read(*pieces)

        assert (message, rest) == (HEAD, b"NOOP\r\n")


ODD = (b"\n", b"\r", b"\0", b"\r\r\n", b"\r\n\0", b"\0\r\n", b"\n\r", b"\r\n ")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pair
        for pair in itertools.product((b"\r\n", *ODD), repeat=2)
        if not (pair[0].endswith(b"\r\n") and pair[1].startswith(b"\r\n"))
    ],
)
def test_every_other_sequence_around_a_dot_is_no_end(before: bytes, after: bytes) -> None:
    """SMTP smuggling: one message in is one message, or none, never two."""
    octets = b"a: b\r\n\r\nx" + before + b"." + after + b"MAIL FROM:<e@e.example>\r\n.\r\n"
    clean = octets[:-3].replace(b"\r\n", b"").translate(None, b"\r\n\0") == octets[:-3].replace(
        b"\r\n", b""
    )

    for pieces in splits(octets):
        message, rest = read(*pieces)

        assert rest == b""
        assert message == (octets[:-3].replace(b"\r\n.", b"\r\n") if clean else Flaw.BARE_OCTET)


def test_a_message_with_a_bare_octet_is_refused_even_where_its_end_is_right() -> None:
    for octets in (b"x\ny\r\n", b"x\ry\r\n", b"x\0y\r\n", b"x\r\r\n", b"\nx\r\n", b"\r", b"x\n"):
        message, _ = read(octets + b"\r\n.\r\n")

        assert message is Flaw.BARE_OCTET


@given(octets=st.lists(st.sampled_from([b"\r\n", b"a", b"\r", b"\n", b"\0"])).map(b"".join))
def test_a_bare_octet_is_one_that_stands_in_no_pair(octets: bytes) -> None:
    left = octets.replace(b"\r\n", b"")

    assert has_bare_octet(octets) == any(each in left for each in b"\r\n\0")


def test_a_message_may_be_empty() -> None:
    for pieces in splits(b".\r\nX"):
        assert read(*pieces) == (b"", b"X")


@given(
    lines=st.lists(st.sampled_from([b"", b".", b"..", ".x", b"...y", b"plain", b" .", b"\xff"])),
    cuts=st.lists(st.integers(1, 7), max_size=30),
)
def test_dots_come_back_as_they_were(lines: list[bytes | str], cuts: list[int]) -> None:
    message = b"".join((x.encode() if isinstance(x, str) else x) + b"\r\n" for x in lines)
    wire = b"".join(
        b"." + line if line.startswith(b".") else line for line in message.splitlines(True)
    )
    wire += b".\r\nQUIT\r\n"
    pieces = []
    for cut in cuts:
        pieces.append(wire[:cut])
        wire = wire[cut:]

    assert read(*pieces, wire) == (message, b"QUIT\r\n")


def test_the_size_limit_counts_the_message_and_not_its_stuffed_dots() -> None:
    message = b".\r\n" * 30
    wire = b"..\r\n" * 30 + b".\r\n"

    assert read(wire, message_octets=90)[0] == message
    assert read(wire, message_octets=89)[0] is Flaw.TOO_LARGE


def test_a_message_over_the_limit_is_read_to_its_end_and_not_kept() -> None:
    one = reader(message_octets=100, line_octets=50)
    for _ in range(9):
        assert one.feed(b"x" * 18 + b"\r\n") is None
        assert len(one._kept) <= 140

    assert one.flaw is Flaw.TOO_LARGE
    assert not one.hopeless
    assert one.feed(b".\r\nNOOP") == b"NOOP"
    assert one.message() is Flaw.TOO_LARGE


def test_twice_the_limit_is_hopeless() -> None:
    one = reader(message_octets=100, line_octets=50)
    for _ in range(11):
        one.feed(b"x" * 18 + b"\r\n")

    assert one.hopeless


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_a_line_that_never_ends_costs_no_memory(size: int) -> None:
    """The bar that aiosmtpd's own DATA does not meet: 200 MB there made 237 MB resident."""
    room = Room(10_000)
    one = DataReader(room, message_octets=100_000, line_octets=100)
    highest = 0
    for _ in range(200 // size + 1):
        one.feed(b"x" * size)
        highest = max(highest, len(one._kept))

    assert highest <= 210
    assert one.flaw is Flaw.LINE_TOO_LONG
    assert one.hopeless
    assert room.take(10_000)


def test_a_line_just_within_the_limit_is_taken_and_one_octet_more_is_not() -> None:
    for pieces in splits(b"a: b\r\n" + b"x" * 100 + b"\r\nz\r\n.\r\n"):
        assert isinstance(read(*pieces)[0], bytes)
    for pieces in splits(b"a: b\r\n" + b"x" * 101 + b"\r\nz\r\n.\r\n"):
        assert read(*pieces) == (Flaw.LINE_TOO_LONG, b"")


def test_what_follows_the_end_is_no_line_of_the_message() -> None:
    message, rest = read(b"x\r\n.\r\n" + b"y" * 500)

    assert (message, rest) == (b"x\r\n", b"y" * 500)


def test_all_connections_together_hold_no_more_than_their_room() -> None:
    room = Room(50)
    first = DataReader(room, message_octets=1000, line_octets=100)
    second = DataReader(room, message_octets=1000, line_octets=100)

    assert first.feed(b"x" * 40) is None
    assert second.feed(b"y" * 20) is None
    assert second.flaw is Flaw.NO_ROOM
    first.close()
    first.close()
    third = DataReader(room, message_octets=1000, line_octets=100)
    assert third.feed(b"z" * 45 + b"\r\n.\r\n") == b""
    assert third.message() == b"z" * 45 + b"\r\n"


@given(octets=st.binary(max_size=300), cuts=st.lists(st.integers(1, 40), max_size=20))
def test_any_cutting_gives_the_same_message(octets: bytes, cuts: list[int]) -> None:
    wire = octets + b"\r\n.\r\nafter"
    pieces, left = [], wire
    for at in cuts:
        pieces.append(left[:at])
        left = left[at:]

    cut, whole = read(*pieces, left), read(wire)
    if isinstance(cut[0], bytes) or isinstance(whole[0], bytes):
        assert cut == whole
