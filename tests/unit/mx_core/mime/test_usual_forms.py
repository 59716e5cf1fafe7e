"""What is written as nearly everybody writes it is read at once, and says what the steps would say."""

from __future__ import annotations

import random
import re

import pytest

from mx_core.mime import address_list, date
from mx_core.mime.header_keys import header_keys
from mx_core.mime.prepare import prepare
from tests.support.odd_messages import odd_messages

_ADDRESSES = (
    b"A B <a@b.c>", b'"A, B" <a.b@c.d>, x@y.z', b"<a@b>", b"A. B <a@b>", b"a b <c@d> (x), E <f@g>",
    b"x: A <a@b>, C <c@d>;", b"A  B <a@b>,", b"=?utf-8?q?a_b?= <x@y.example>", b'"" <a@b>',
    b"A <a@b>\n ,\n C <d@e>", b"\xc3\xa9 <a@b>,C <c@d>",
    b"a@b", b"a.b@c.d ,\r\n x@y.z\r\n", b"a@b (x), c@d", b"A <a@b>, c@d, B a@b",
)  # fmt: skip
_DATES = (
    b"Fri, 21 Nov 1997 09:55:06 -0600", b"1 Jan 2020 00:00:00 GMT",
    b"Tue, 3 Feb 2021 12:01:60 +0100 (CET)", b"Tue, 31 Jan 1850 24:01:00 +0100",
)  # fmt: skip
_SIGNS = b' \t\r\n,;:<>@."()\\=?_aB1\xc3\x00'
_NEVER = re.compile(rb"(?!)")


def _altered(draw: random.Random, value: bytes) -> bytes:
    octets = bytearray(value)
    for _ in range(draw.randrange(4)):
        at = draw.randrange(len(octets) + 1)
        octets[at : at + draw.randrange(2)] = bytes([draw.choice(_SIGNS)]) * draw.randrange(2)
    return bytes(octets)


def test_addresses_read_at_once_are_those_of_the_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(1)
    values = [_altered(draw, draw.choice(_ADDRESSES)) for _ in range(4_000)]
    at_once = [address_list.parse(value, limit) for value in values for limit in (1, 2, 500)]
    monkeypatch.setattr(address_list, "_USUAL", _NEVER)

    assert at_once == [
        address_list.parse(value, limit) for value in values for limit in (1, 2, 500)
    ]


def test_dates_read_at_once_are_those_of_the_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(2)
    values = [_altered(draw, draw.choice(_DATES)) for _ in range(4_000)]
    at_once = [date.parse(value) for value in values]
    assert sum(each is not None for each in at_once) > 1_000
    monkeypatch.setattr(date, "_USUAL", _NEVER)

    assert at_once == [date.parse(value) for value in values]


def test_keys_made_with_the_form_are_those_of_the_header_alone() -> None:
    for odd in odd_messages():
        form = prepare(odd.octets)
        assert form.keys == header_keys(odd.octets[: form.header_end], form), odd.name
