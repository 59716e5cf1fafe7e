import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.legacy.answers import (
    LINE_OCTETS_MAX,
    Answer,
    AnswerReader,
    Atom,
    BadAnswer,
    Data,
    GoOn,
    Status,
)


def read(octets: bytes, room: int = 1000) -> list[Answer]:
    reader = AnswerReader()
    reader.literal_octets_max = room
    reader.feed(octets)
    found = []
    while (answer := reader.next()) is not None:
        found.append(answer)
    return found


@pytest.mark.parametrize(
    ("octets", "answer"),
    [
        (b"+ idling\r\n", GoOn()),
        (b"* OK [UIDVALIDITY 7] fine\r\n", Status(b"*", "OK", b"UIDVALIDITY 7", b"fine")),
        (b"m1 no [AUTHENTICATIONFAILED] who?\r\n", Status(b"m1", "NO", b"AUTHENTICATIONFAILED", b"who?")),
        (b"m1 OK\r\n", Status(b"m1", "OK", b"", b"")),
        (b"* BYE so long\r\n", Status(b"*", "BYE", b"", b"so long")),
        (b"* 12 EXISTS\r\n", Data("EXISTS", 12, [])),
        (b"* FLAGS (\\Seen $x)\r\n", Data("FLAGS", None, [[Atom(b"\\Seen"), Atom(b"$x")]])),
        (
            b'* LIST (\\HasNoChildren) "/" "a \\"b\\""\r\n',
            Data("LIST", None, [[Atom(b"\\HasNoChildren")], b"/", b'a "b"']),
        ),
        (
            b"* 1 FETCH (UID 5 BODY[] {4}\r\nab)\r FLAGS ())\r\n",
            Data("FETCH", 1, [[Atom(b"UID"), Atom(b"5"), Atom(b"BODY[]"), b"ab)\r", Atom(b"FLAGS"), []]]),
        ),
        (b"* LIST () NIL {3}\r\nabc\r\n", Data("LIST", None, [[], None, b"abc"])),
        (b"* 1 FETCH (X {0}\r\n)\r\n", Data("FETCH", 1, [[Atom(b"X"), b""]])),
    ],
)  # fmt: skip
def test_answers(octets: bytes, answer: Answer) -> None:
    assert read(octets) == [answer]
    reader = AnswerReader()
    reader.literal_octets_max = 1000
    for n in range(len(octets)):  # octet by octet: the same
        assert reader.next() is None
        reader.feed(octets[n : n + 1])
    assert reader.next() == answer


def test_what_stands_in_a_string_is_never_a_name_or_an_answer() -> None:
    [answer] = read(b'* 1 FETCH (UID {1}\r\n5 "UID" "9" X {17}\r\n)\r\n* 2 EXISTS\r\n ()\r\n')

    assert isinstance(answer, Data)
    [items] = answer.values
    assert items == [Atom(b"UID"), b"5", b"UID", b"9", Atom(b"X"), b")\r\n* 2 EXISTS\r\n ("]
    assert isinstance(items, list)
    assert [type(item) for item in items] == [Atom, bytes, bytes, bytes, Atom, bytes]


@pytest.mark.parametrize(
    "octets",
    [
        b"x" * (LINE_OCTETS_MAX + 1),
        b"* 1 FETCH (BODY[] {1001}\r\n",
        b"* 1 FETCH (A {600}\r\n" + b"x" * 600 + b" B {600}\r\n",
        b"* 1 FETCH (BODY[] {99999999999}\r\n",
        b"* X " + b"(" * 9 + b")" * 9 + b"\r\n",
        b"* X " + b"() " * 10_001 + b"\r\n",
        b"* X (\r\n",
        b"* X )\r\n",
        b'* X "abc\r\n',
        b"* X {5\r\n",
        b"m1 FETCH (UID 5)\r\n",
        b"\r\n",
        b"*\r\n",
        b"* \x00\r\n",
    ],
)
def test_what_no_server_may_send_ends_it(octets: bytes) -> None:
    with pytest.raises(BadAnswer):
        read(octets)


@given(st.binary(max_size=200))
def test_any_octets_are_answers_or_one_error(octets: bytes) -> None:
    for start in (b"* 1 FETCH (UID 5 BODY[] ", b"* ", b""):
        try:
            read(start + octets + b"\r\n")
        except BadAnswer as error:
            assert "sends" in str(error)  # noqa: PT017  # either is right
