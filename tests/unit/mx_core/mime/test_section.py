"""Octets of a section.  RFC 9051 §6.4.5.1."""

from __future__ import annotations

import pytest

from mx_core.mime.prepare import prepare
from mx_core.mime.section import Text, section_octets

PLAIN = b"Subject: x\r\n\r\nwords\r\n"
HOLDER = b"Content-Type: message/rfc822\r\n\r\n"


def cut(octets: bytes, path: tuple[int, ...], text: Text) -> bytes | None:
    found = section_octets(prepare(octets), path, text)
    return None if found is None else octets[found[0] : found[1]]


@pytest.mark.parametrize(
    ("path", "text", "octets"),
    [
        ((), Text.WHOLE, PLAIN),
        ((), Text.HEADER, b"Subject: x\r\n\r\n"),
        ((), Text.TEXT, b"words\r\n"),
        ((), Text.MIME, None),
        ((1,), Text.WHOLE, b"words\r\n"),
        ((1,), Text.MIME, b"Subject: x\r\n\r\n"),
        ((1,), Text.HEADER, None),
        ((1,), Text.TEXT, None),
        ((2,), Text.WHOLE, None),
    ],
)
def test_sections_of_a_plain_message(
    path: tuple[int, ...], text: Text, octets: bytes | None
) -> None:
    assert cut(PLAIN, path, text) == octets


@pytest.mark.parametrize(
    ("path", "text", "octets"),
    [
        ((1,), Text.WHOLE, PLAIN),
        ((1,), Text.HEADER, b"Subject: x\r\n\r\n"),
        ((1,), Text.TEXT, b"words\r\n"),
        ((1,), Text.MIME, HOLDER),
        ((1, 1), Text.WHOLE, b"words\r\n"),
        ((1, 1), Text.HEADER, None),
    ],
)
def test_sections_of_a_message_in_a_message(
    path: tuple[int, ...], text: Text, octets: bytes | None
) -> None:
    assert cut(HOLDER + PLAIN, path, text) == octets
