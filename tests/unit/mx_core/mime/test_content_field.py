"""Content-* values and their parameters.  RFC 2045 §5.1, RFC 2231 §3."""

from __future__ import annotations

import pytest

from mx_core.mime import content_field


@pytest.mark.parametrize(
    ("value", "parameters"),
    [
        (b"a/b; x=1; y=2", [(b"x", b"1"), (b"y", b"2")]),
        (b'a/b; x="1 \\" 2"', [(b"x", b'1 " 2')]),
        (b"a/b; (c) x (d) = (e) 1 (f)", [(b"x", b"1")]),
        (b"a/b; x==?utf-8?q?a?= ; y=2", [(b"x", b"=?utf-8?q?a?="), (b"y", b"2")]),
        (b"a/b; x=", [(b"x", b"")]),
        (b"a/b; x; y=2; z=3", [(b"z", b"3")]),
        (b'a/b; x="open', []),
        (b"a/b; n*=utf-8''%41", [(b"n*", b"utf-8''%41")]),
        (b"a/b; n*1=b; n*0=a", [(b"n", b"ab")]),
        (b"a/b; n*0*=u''%41; n*1=50%", [(b"n*", b"u''%4150%25")]),
        (b"a/b; n*0=a; n*1*=%41", [(b"n*", b"''a%41")]),
        (b"a/b; n*0=a; n*2=c", [(b"n*0", b"a"), (b"n*2", b"c")]),
        (b"a/b; n*x=a", [(b"n*x", b"a")]),
        (b"a/b; n*1234567890=a", [(b"n*1234567890", b"a")]),
    ],
)
def test_parameters_are_joined_and_left_encoded(
    value: bytes, parameters: list[tuple[bytes, bytes]]
) -> None:
    assert list(content_field.content_type(value).parameters) == parameters


@pytest.mark.parametrize(
    ("value", "main", "sub"),
    [
        (b"Text/HTML; x=1", b"Text", b"HTML"),
        (b"text", b"text", b""),
        (b"text words", b"", b""),
        (b"text/plain words", b"", b""),
        (b"text/", b"", b""),
        (b"/plain", b"", b""),
        (b"", b"", b""),
    ],
)
def test_a_type_that_cannot_be_read_is_empty(value: bytes, main: bytes, sub: bytes) -> None:
    read = content_field.content_type(value)

    assert (read.main, read.sub) == (main, sub)


def test_kinds_are_told_in_any_case() -> None:
    assert content_field.content_type(b"MESSAGE/RFC822").is_message()
    assert content_field.content_type(b"Multipart/Digest").is_digest()
    assert not content_field.content_type(b"multipart").is_multipart()
    assert content_field.content_type(b"a/b; X=1; x=2").parameter(b"x") == b"1"
    assert content_field.content_type(b"a/b").parameter(b"x") is None


def test_encodings_are_one_token() -> None:
    assert content_field.transfer_encoding(b" Base64 (c)") == b"Base64"
    assert content_field.transfer_encoding(b"7bit; x") is None
    assert content_field.transfer_encoding(b"") is None


def test_languages_are_tags_up_to_what_is_none() -> None:
    assert content_field.languages(b"en, de-CH (c) ,fr") == (b"en", b"de-CH", b"fr")
    assert content_field.languages(b"en de") == (b"en",)
    assert content_field.languages(b",en") == ()
    assert content_field.languages(b"en (open") == ()


def test_dispositions_have_parameters() -> None:
    read = content_field.disposition(b"attachment; filename=x")

    assert read == content_field.Disposition(b"attachment", ((b"filename", b"x"),))
    assert content_field.disposition(b"x (open") is None
