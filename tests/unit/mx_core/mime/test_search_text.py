"""The two texts that TEXT and BODY search."""

from __future__ import annotations

from mx_core.mime.limits import HEADER_OCTETS_MAX
from mx_core.mime.prepare import prepare
from mx_core.mime.search_text import body_text, header_text

MIXED = (
    b"Subject: =?utf-8?q?bl=C3=A4u?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain\r\nContent-Description: gr\xc3\xbcn\r\n\r\nWords\r\n--b--\r\n"
)


def test_a_field_is_there_decoded_and_as_written() -> None:
    found = header_text(MIXED, prepare(MIXED))

    assert "SUBJECT: BLA\u0308U" in found
    assert "=?UTF-8?Q?BL=C3=A4U?=".upper() in found


def test_the_fields_of_parts_are_header_and_not_body() -> None:
    form = prepare(MIXED)

    assert "CONTENT-DESCRIPTION: GRU\u0308N" in header_text(MIXED, form)
    assert body_text(MIXED, form) == "WORDS"


def test_the_headers_of_parts_are_bounded_together() -> None:
    part = b"--b\r\nX-Long: " + b"x" * 9_000 + b"\r\n\r\n\r\n"
    octets = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 100 + b"--b--\r\n"

    found = header_text(octets, prepare(octets))

    assert HEADER_OCTETS_MAX - 9_000 < len(found) < HEADER_OCTETS_MAX + 1_000
