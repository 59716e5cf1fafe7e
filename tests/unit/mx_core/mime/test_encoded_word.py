"""Encoded words.  RFC 2047, with the examples of its §8."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.mime.encoded_word import decode


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"plain", "plain"),
        (b"=?ISO-8859-1?Q?a?=", "a"),
        (b"=?ISO-8859-1?Q?a?= b", "a b"),
        (b"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
        (b"=?ISO-8859-1?Q?a?=\r\n   =?ISO-8859-2?Q?b?=", "ab"),
        (b"=?ISO-8859-1?Q?a_b?=", "a b"),
        (b"x =?ISO-8859-1?Q?a?= y =?ISO-8859-1?Q?b?= z", "x a y b z"),
        (b"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
        (b"=?utf-8?b?w4=?= =?utf-8?b?vA==?=", "ü"),
        (b"=?utf-8*de?q?gr=C3=BCn?= x", "grün x"),
        (b"=?utf-7?q?+AGE-?=", "=?utf-7?q?+AGE-?="),
        (b"=?unicode_escape?q?=5Cx41?=", "=?unicode_escape?q?=5Cx41?="),
        (b"=?utf-8?x?a?=", "=?utf-8?x?a?="),
        (b"=?utf-8?q?open", "=?utf-8?q?open"),
        ("raw grün".encode(), "raw grün"),
        ("raw grün".encode("latin-1"), "raw grün"),
        (b"folded\r\n value", "folded value"),
    ],
)
def test_words_are_decoded_and_joined(value: bytes, text: str) -> None:
    assert decode(value) == text


def test_a_character_split_over_two_words_is_whole_again() -> None:
    assert decode(b"=?utf-8?q?=C3?= =?utf-8?q?=BC?=") == "ü"


@given(st.binary(max_size=80))
def test_any_value_is_some_text_not_longer_than_it(value: bytes) -> None:
    assert len(decode(value)) <= len(value)
