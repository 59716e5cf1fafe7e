"""Strings that IMAP can carry.  RFC 9051 §4.3."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.mime import imap_string
from tests.support import imap_tokens


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (b"", b'""'),
        (b"plain\ttext", b'"plain\ttext"'),
        (b'a"b\\c', b'"a\\"b\\\\c"'),
        (b"NIL", b'"NIL"'),
        (b"caf\xc3\xa9", b"{5}\r\ncaf\xc3\xa9"),
        (b"a\r\nb", b"{4}\r\na\r\nb"),
        (b"a\0b", b"{5}\r\na\xef\xbf\xbdb"),
    ],
)
def test_quoted_when_safe_and_a_literal_otherwise(value: bytes, sent: bytes) -> None:
    assert imap_string.string(value) == sent


@given(st.binary(max_size=50))
def test_a_reader_gets_the_octets_back(value: bytes) -> None:
    shown = value.replace(b"\0", "\ufffd".encode())

    assert imap_tokens.read(imap_string.string(value)) == shown.decode("latin-1")


def test_nil_is_not_the_empty_string() -> None:
    assert imap_string.nstring(None) == imap_string.unfolded(None) == b"NIL"
    assert imap_string.for_people(None) == b"NIL"
    assert imap_string.nstring(b"") == b'""'


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (b"a\n b", b'"a b"'),
        (b"a\nb", b'"a b"'),
        (b"a\r\n\tb", b'"a\tb"'),
        (b"a\n", b'"a"'),
        (b" a  b ", b'" a  b "'),
    ],
)
def test_unfolding_takes_line_breaks_only(value: bytes, sent: bytes) -> None:
    assert imap_string.unfolded(value) == sent


@pytest.mark.parametrize(
    ("value", "sent"),
    [(b" a\t\n b  ", b'"a b"'), (b"  ", b'""'), (b"a", b'"a"')],
)
def test_people_see_one_space_for_many(value: bytes, sent: bytes) -> None:
    assert imap_string.for_people(value) == sent


@given(st.lists(st.binary(max_size=9) | st.sampled_from([b"plain", b"", b'"']), min_size=1))
def test_several_are_one_after_the_other(values: list[bytes]) -> None:
    assert imap_string.strings(values) == b" ".join(map(imap_string.string, values))
