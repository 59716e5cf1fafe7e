"""An APPEND of one message is read by a shorter way as it is at length, or left to that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imap_out.session.messages import known_append
from imap_out.wire.commands import Append
from imap_out.wire.framing import Frame
from imap_out.wire.parse import parse
from imap_out.wire.syntax import BadSyntax

DATES = [
    b'"01-Jan-2024 10:11:12 +0100"',
    b'" 1-Jan-2024 10:11:12 -0000"',
    b'"31-Feb-2024 10:11:12 +0100"',
    b'"01-Jan-2024 10:11:12"',
    b'"x"',
]
NAMES = [b"INBOX", b'"a b"', b"inbox", b'"a\\"b"', b"&ZeVnLIqe-", b"&", b'""', b'"a', b"a]", b"a%"]


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    """APPENDs, mostly right, and what looks like one."""
    words = [draw(st.sampled_from([b"a", b"T1", b"+", b""]))]
    words.append(draw(st.sampled_from([b"APPEND", b"append", b"REPLACE 1", b"UID REPLACE 1"])))
    words.append(draw(st.sampled_from([*NAMES, *DATES])))
    if draw(st.booleans()):
        words.append(
            draw(st.sampled_from([rb"(\Seen $x)", b"()", b"(\\Nonsense)", b"(a", b"UTF8 ("]))
        )
    if draw(st.booleans()):
        words.append(draw(st.sampled_from(DATES)))
    words.append(draw(st.sampled_from([b"{3}", b"{3+}", b"~{3}", b"{3}x", b"(~{3}"])))
    line = draw(st.sampled_from([b" ", b" ", b" ", b"  "])).join(words)
    end = draw(st.sampled_from([b"", b"", b")", b" "]))
    return Frame((line, b"abc", end)) if draw(st.booleans()) else Frame((line, b"abc", b""))


@given(frames(), st.booleans())
def test_what_is_read_is_what_is_read_at_length(frame: Frame, utf8: bool) -> None:
    read = known_append.read(frame, utf8=utf8)
    try:
        at_length = parse(frame, utf8=utf8)
    except BadSyntax:
        at_length = None

    assert read is None or read == at_length


@pytest.mark.parametrize(
    "line",
    [
        b"a APPEND INBOX {3}",
        b'A12 append "a b" (\\Seen $x) "01-Jan-2024 10:11:12 +0100" {3+}',
        b'a APPEND "&ZeVnLIqe-" " 1-Jan-2024 10:11:12 +0100" {3}',
    ],
)
def test_what_mail_programs_say_takes_the_shorter_way(line: bytes) -> None:
    frame = Frame((line, b"abc", b""))
    read = known_append.read(frame, utf8=False)

    assert read == parse(frame)
    assert read is not None
    assert isinstance(read[1], Append)


def test_a_name_means_what_it_means_to_the_client() -> None:
    frame = Frame((b'a APPEND "&ZeVnLIqe-" {3}', b"abc", b""))
    for utf8 in (False, True, False):
        assert known_append.read(frame, utf8=utf8) == parse(frame, utf8=utf8)


def test_several_messages_are_left_to_the_longer_one() -> None:
    frame = Frame((b"a APPEND INBOX {3+}", b"abc", b" {3+}", b"def", b""))
    assert known_append.read(frame, utf8=False) is None
