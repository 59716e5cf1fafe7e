"""Charsets of mail and nothing else."""

from __future__ import annotations

import pytest

from mx_core.mime import charset


@pytest.mark.parametrize(
    "label",
    ["unicode_escape", "raw_unicode_escape", "utf-7", "punycode", "idna", "zlib", "hex", "rot13",
     "bz2", "base64", "quopri", "uu", "undefined", "mbcs", "utf_8_sig", "", "x" * 100],
)  # fmt: skip
def test_a_label_that_is_no_charset_of_mail_is_refused(label: str) -> None:
    assert not charset.is_known(label)
    assert charset.decode(b"x", label) is None


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("UTF-8", "grün"), ("iso-8859-1", "grün"), ("ISO-8859-15", "€"), ("windows-1251", "Привет"),
        ("koi8-r", "Привет"), ("iso-2022-jp", "日本"), ("Shift_JIS", "日本"), ("euc-kr", "안녕"),
        ("gb18030", "𠀀"), ("big5", "你好"), ("utf-16", "é"), ("macintosh", "é"),
    ],
)  # fmt: skip
def test_a_listed_charset_is_decoded(label: str, text: str) -> None:
    assert charset.decode(text.encode(label), label) == text


@pytest.mark.parametrize("label", list(charset._ALLOWED))
def test_no_octets_stop_a_listed_charset_or_grow(label: str) -> None:
    octets = bytes(range(256)) * 2 + b"\x1b$B\xff\xfe~{"

    text = charset.decode(octets, label)

    assert text is not None
    assert len(text) <= len(octets)


def test_what_is_labelled_latin_1_is_read_as_windows_reads_it() -> None:
    assert charset.decode(b"\x93q\x94", "iso-8859-1") == "“q”"


def test_octets_that_are_not_what_they_say_are_guessed() -> None:
    assert charset.decode("grün".encode("latin-1"), "us-ascii") == "grün"
    assert charset.guess("grün".encode()) == "grün"
