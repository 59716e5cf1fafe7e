"""The packed map of parts: one value, one packing; numbers of RFC 9051 §6.4.5.1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.mime import part_map
from mx_core.mime.part_map import Kind
from mx_core.mime.prepare import prepare
from mx_core.model.errors import StoreDamaged
from mx_core.model.message import PartMapOctets

NESTED = (
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: Text/HTML; charset=UTF-8\r\nContent-Transfer-Encoding: BASE64\r\n\r\none\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\n"
    b"Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\ndeep\r\n--c--\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nwords\r\n--b--\r\n"
)


def body(path: tuple[int, ...]) -> bytes | None:
    part = part_map.find(part_map.decode(prepare(NESTED).parts), path)
    return None if part is None else NESTED[part.body_start : part.end]


@pytest.mark.parametrize(
    ("path", "octets"),
    [
        ((1,), b"one"),
        ((1, 1), b"one"),
        ((1, 1, 1), None),
        ((2, 1), b"deep"),
        ((2, 2), None),
        ((3,), b"Subject: x\r\n\r\nwords"),
        ((3, 1), b"words"),
        ((3, 2), None),
        ((3, 1, 1), None),
        ((4,), None),
        ((0,), None),
    ],
)
def test_a_number_finds_its_part(path: tuple[int, ...], octets: bytes | None) -> None:
    assert body(path) == octets


def test_unpacking_is_the_inverse_of_packing() -> None:
    packed = prepare(NESTED).parts

    assert part_map.encode(part_map.decode(packed)) == packed


def test_words_are_lower_case() -> None:
    html = part_map.decode(prepare(NESTED).parts).children[0]

    assert (html.kind, html.media_type, html.encoding, html.charset) == (
        *(Kind.LEAF, "text/html", "base64"),
        "utf-8",
    )


@pytest.mark.parametrize("damage", [b"", b"\x02", b"\x01", b"\x01\x07\0\0\0\0\0\0\0"])
def test_what_is_no_map_is_refused(damage: bytes) -> None:
    with pytest.raises(StoreDamaged):
        part_map.decode(PartMapOctets(damage))


@given(st.data())
def test_an_altered_map_decodes_or_is_refused(data: st.DataObject) -> None:
    packed = bytearray(prepare(NESTED).parts)
    packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    del packed[data.draw(st.integers(1, len(packed))) :]
    try:
        part_map.decode(PartMapOctets(bytes(packed)))
    except StoreDamaged:
        return


def test_a_map_with_octets_behind_it_or_without_end_is_refused() -> None:
    packed = prepare(NESTED).parts
    with pytest.raises(StoreDamaged):
        part_map.decode(PartMapOctets(packed + b"\0"))
    with pytest.raises(StoreDamaged):
        part_map.decode(PartMapOctets(b"\x01" + b"\x01\0\0\0\x01\0\0\0" * 100_000))
