"""The tokens of RFC 5322 §3.2, whole and broken."""

from __future__ import annotations

import pytest

from mx_core.mime.lexical import BROKEN, END, MORE, Cursor


@pytest.mark.parametrize(
    ("value", "step", "comment", "rest"),
    [
        (b" \r\n\t x", MORE, b"", b"x"),
        (b"", END, b"", b""),
        (b"(a (b) \\) c) x", MORE, b"a (b) ) c", b"x"),
        (b"(a\r\n b)(last)", END, b"last", b""),
        (b"(open", BROKEN, b"", b""),
        (b"(open\\", BROKEN, b"", b""),
    ],
)
def test_comments_and_folds_are_space(value: bytes, step: int, comment: bytes, rest: bytes) -> None:
    cursor = Cursor(value)

    assert cursor.skip_space() == step
    assert cursor.comment == comment
    assert value[cursor.at :] == rest


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [
        (b'"a b"', END, b"a b"),
        (b'"a\\"b\\\\c" x', MORE, b'a"b\\c'),
        (b'"a\r\n b"', END, b"a b"),
        (b'"a\0b"', END, "a\ufffdb".encode()),
        (b'"a\\\r\nb"', END, b"a\\b"),
        (b'"open', BROKEN, b""),
        (b'"open\\"', BROKEN, b""),
    ],
)
def test_quoted_strings_say_what_is_inside(value: bytes, step: int, text: bytes) -> None:
    out = bytearray()

    assert Cursor(value).quoted_string(out) == step
    assert out == text


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [
        (b"John Q. Public <", MORE, b"John Q. Public"),
        (b'John "Q. X" (c) P', END, b"John Q. X P"),
        (b".x", BROKEN, b""),
        (b"", END, b""),
        (b"<", MORE, b""),
        (b'a "open', BROKEN, b"a "),
    ],
)
def test_phrases_are_words_with_one_space(value: bytes, step: int, text: bytes) -> None:
    out = bytearray()

    assert Cursor(value).phrase(out) == step
    assert out == text


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [
        (b"@a.b . c>", MORE, b"a.b.c"),
        (b"@[1.2.3.4]", END, b"[1.2.3.4]"),
        (b"@[1.2\r\n.3.4]", END, b"[1.2.3.4]"),
        (b"@[open", BROKEN, b""),
        (b"@a.", BROKEN, b"a."),
        (b"@", BROKEN, b""),
        (b"@>", BROKEN, b""),
    ],
)
def test_domains_are_dotted_or_literal(value: bytes, step: int, text: bytes) -> None:
    out = bytearray()

    assert Cursor(value).domain(out) == step
    assert out == text
