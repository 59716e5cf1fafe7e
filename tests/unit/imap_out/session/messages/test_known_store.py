"""A STORE of one message is read by a shorter way as it is at length, or left to that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imap_out.session.messages import known_store
from imap_out.wire.framing import Frame
from imap_out.wire.parse import parse
from imap_out.wire.syntax import BadSyntax

FLAGS = [rb"\Seen", rb"\seen", rb"\Recent", rb"\Nonsense", b"$Junk", b"kw", b"a]b", b"", b"()"]
SPACE = st.sampled_from([b" ", b" ", b" ", b"", b"  "])


@st.composite
def commands(draw: st.DrawFn) -> bytes:
    """STOREs, mostly right, and what looks like one."""
    tag = draw(st.sampled_from([b"a", b"A1", b"T" * 70, b"+", b""]))
    name = draw(st.sampled_from([b"STORE", b"store", b"UID STORE", b"uid Store", b"UID  STORE"]))
    number = draw(
        st.sampled_from([b"1", b"17", b"999999999", b"4294967296", b"0", b"01", b"1:2", b"*", b"$"])
    )
    what = draw(st.sampled_from([b"", b"+", b"-", b"*"])) + draw(
        st.sampled_from([b"FLAGS", b"flags", b"FLAGS.SILENT", b"Flags.Silent", b"FLAGS.LOUD"])
    )
    flags = draw(SPACE).join(draw(st.lists(st.sampled_from(FLAGS), max_size=4)))
    if draw(st.booleans()):
        flags = b"(" + flags + draw(st.sampled_from([b")", b")", b") ", b""]))
    since = draw(st.sampled_from([b"", b"", b"(UNCHANGEDSINCE 5) "]))
    return draw(SPACE).join([tag, name, number, since + what, flags])


@given(commands())
def test_what_is_read_is_what_is_read_at_length(text: bytes) -> None:
    read = known_store.read(text)
    try:
        at_length = parse(Frame((text,)))
    except BadSyntax:
        at_length = None

    assert read is None or read == at_length


@pytest.mark.parametrize(
    "text",
    [
        rb"a STORE 1 +FLAGS (\Seen)",
        rb"a uid store 17 -flags.silent (\Seen $Junk)",
        rb"A1 STORE 3 FLAGS \Flagged",
        b"a STORE 999999999 FLAGS ()",
    ],
)
def test_what_mail_programs_say_takes_the_shorter_way(text: bytes) -> None:
    assert known_store.read(text) == parse(Frame((text,)))


@pytest.mark.parametrize(
    "text",
    [
        rb"a STORE 1:2 +FLAGS (\Seen)",
        rb"a STORE 1 (UNCHANGEDSINCE 3) +FLAGS (\Seen)",
        rb"a STORE 1 +FLAGS (\Nonsense)",
        rb"a STORE 1 +FLAGS",
        b"a NOOP",
    ],
)
def test_the_rest_is_left_to_the_longer_one(text: bytes) -> None:
    assert known_store.read(text) is None


def test_a_command_with_a_literal_is_left_to_the_longer_one() -> None:
    assert known_store.read(rb"a STORE 1 +FLAGS {5}") is None
    assert known_store.read(rb"a STORE 1 +FLAGS (\Seen) {5+}") is None
