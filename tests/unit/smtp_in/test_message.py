"""The three exceptions to exactness that submission makes, and nothing else."""

import re
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.mime.header import top_fields
from mx_core.model.address import Address
from mx_core.model.errors import BadMessage
from mx_core.model.message import Submission
from smtp_in.body import DataReader, Room
from smtp_in.message import make_submission
from smtp_in.submission import Transaction
from tests.support.odd_messages import odd_messages
from tests.support.pace import takes_at_most

ALICE = Address.parse("alice@a.example")
BOB = Address.parse("Bob@b.example")
EVE = Address.parse("eve+list@e.example")
STAMP = b"Date: Fri, 13 Feb 2009 23:31:30 +0000\r\n"
ID = b"Message-ID: <u@a.example>\r\n"


def made(octets: bytes, *recipients: Address) -> Submission:
    asked = Transaction(ALICE, list(recipients or (BOB,)))
    return make_submission(octets, asked, now=1234567890.9, unique="u")


def test_a_complete_message_is_not_touched() -> None:
    octets = (
        STAMP + ID + b"To: bob@b.example\r\nX-Odd:   spaces\t \r\n folded\r\n\r\n.body\r\n\xff\r\n"
    )

    assert made(octets).octets is octets


def test_missing_date_and_message_id_are_prepended() -> None:
    assert made(b"To: x\r\n\r\nb\r\n").octets == STAMP + ID + b"To: x\r\n\r\nb\r\n"
    assert made(STAMP + b"\r\nb\r\n").octets == ID + STAMP + b"\r\nb\r\n"
    assert made(ID + b"\r\nb\r\n").octets == STAMP + ID + b"\r\nb\r\n"
    assert made(b"\r\nno header\r\n").octets == STAMP + ID + b"\r\nno header\r\n"
    assert made(b"").octets == STAMP + ID


@pytest.mark.parametrize(
    "field",
    [
        b"Bcc: eve@e.example\r\n", b"BCC:\r\n", b"bcc : x\r\n", b"Bcc:\r\n eve@e.example,\r\n\tdan@d\r\n",
        b"Bcc: x\r\n \r\n", b"Resent-Bcc: x\r\n", b"Bcc\t: x\r\n",
    ],
)  # fmt: skip
def test_every_bcc_field_goes_with_its_folded_lines(field: bytes) -> None:
    head, tail = STAMP + ID, b"To: x\r\n\r\nBcc: this is text\r\n"

    for octets in (
        head + field + tail,
        field + head + tail,
        field + head + field + b"X: y\r\n" + field + tail,
    ):
        kept = made(octets).octets

        assert kept == octets.replace(field, b"")


def test_what_only_looks_like_bcc_stays() -> None:
    octets = (
        STAMP + ID + b"X-Bcc: a\r\nBccx: b\r\nBcc\r\nSubject: x\r\n Bcc: folded\r\n\r\nBcc: c\r\n"
    )

    assert made(octets).octets == octets


def test_a_nested_message_is_never_touched() -> None:
    octets = (
        STAMP + ID + b"Content-Type: message/rfc822\r\n\r\n"
        b"Bcc: nested@n.example\r\nSubject: in\r\n\r\nx\r\n"
    )  # fmt: skip

    assert made(octets).octets == octets


def test_a_date_in_a_nested_message_is_not_the_message_s() -> None:
    octets = b"Content-Type: message/rfc822\r\n\r\n" + STAMP + ID + b"\r\n"

    assert made(octets).octets == STAMP + ID + octets


def test_a_message_that_begins_with_a_fold_is_refused() -> None:
    """A prepended field would swallow the line."""
    for octets in (b" x: y\r\n\r\n", b"\tx\r\n"):
        with pytest.raises(BadMessage):
            made(octets)


def test_a_header_beyond_the_limits_is_refused_since_a_bcc_could_hide_there() -> None:
    with pytest.raises(BadMessage):
        made(b"X: y\r\n" * 1000 + b"Bcc: eve@e.example\r\n\r\n")
    with pytest.raises(BadMessage):
        made(b"X: " + b"y" * 300_000 + b"\r\nBcc: eve@e.example\r\n\r\n")


@pytest.mark.parametrize(
    ("header", "hidden"),
    [
        (b"To: bob@b.example", False),
        (b"to : BOB@B.EXAMPLE", False),
        (b'Cc: "x, y" <x@x.example>,\r\n Bob <bob@b.example>', False),
        (b"To: friends: a@a.example, bob@b.example;", False),
        (b'To: "bob"@b.example', False),
        (b"To: undisclosed-recipients:;", True),
        (b"To: notbob@b.example, bob@b.example.org, bob@x.b.example", True),
        (b"Subject: bob@b.example", True),
        (b"Bcc: bob@b.example", True),
        (b"To:", True),
    ],
)
def test_a_recipient_is_hidden_if_no_to_or_cc_field_names_it(header: bytes, hidden: bool) -> None:
    octets = STAMP + ID + header + b"\r\n\r\nbob@b.example\r\n"

    assert made(octets).hidden == ({BOB} if hidden else frozenset())


def test_only_those_who_are_not_named_are_hidden() -> None:
    submission = made(b"To: bob@b.example\r\nCc: eve@e.example\r\n\r\n", BOB, EVE)

    assert submission.recipients == (BOB, EVE)
    assert submission.hidden == {EVE}


@given(st.binary(max_size=300).map(lambda x: re.sub(rb"[\r\n\0]+", b"\r\n", x)))
def test_fields_cover_the_header_without_gap(octets: bytes) -> None:
    at = 0
    for field in top_fields(octets):
        assert field.start == at
        assert field.end > at
        at = field.end

    assert at == len(octets) or octets.startswith(b"\r\n", at)


_LINES = st.lists(
    st.sampled_from(
        [b"Bcc: a@b\r\n", b" more\r\n", b"To: c@d\r\n", b"junk\r\n", b"\r\n", b"\t\r\n", b"x:\r\n"]
    )
)


@given(_LINES)
def test_nothing_else_is_ever_changed(lines: list[bytes]) -> None:
    octets = b"".join(lines)
    if octets.startswith((b" ", b"\t")):
        return
    kept = made(octets).octets
    head, separator, body = kept.partition(b"\r\n\r\n")

    assert kept.startswith(STAMP + ID)
    assert b"\r\nBcc" not in head
    if separator and b"\r\n\r\n" in b"\r\n" + octets:
        assert (b"\r\n" + octets).endswith(b"\r\n\r\n" + body)
    assert len(kept) <= len(STAMP + ID) + len(octets)


@pytest.mark.parametrize(
    "octets",
    [pytest.param(each.octets, id=each.name) for each in odd_messages() if each.is_submittable],
)
def test_an_odd_message_goes_through_data_unchanged(octets: bytes) -> None:
    wire = (b"\r\n" + octets).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\nNOOP\r\n"
    reader = DataReader(Room(1 << 20), message_octets=1 << 20, line_octets=1 << 16)

    assert reader.feed(wire) == b"NOOP\r\n"
    received = reader.message()
    assert received == octets
    assert made(octets).octets.endswith(octets)


def test_the_time_grows_with_the_header_and_not_with_its_square() -> None:
    octets = b"To: " + b"a@b.example, <" * 12_000 + b"\r\nBcc: " + b"x, " * 12_000 + b"\r\n\r\n"

    assert takes_at_most(0.25, partial(made, octets))
