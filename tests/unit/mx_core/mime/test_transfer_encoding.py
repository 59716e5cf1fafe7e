"""Base64 and quoted-printable.  RFC 2045 §6.7, §6.8."""

from __future__ import annotations

import base64
import binascii

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.mime import transfer_encoding


@given(st.binary(max_size=200))
def test_what_is_encoded_comes_back(octets: bytes) -> None:
    assert transfer_encoding.decode(base64.encodebytes(octets), "base64") == octets
    # not as text: there the encoder makes all line breaks like the first
    quoted = binascii.b2a_qp(octets, istext=False)
    assert transfer_encoding.decode(quoted, "quoted-printable") == octets


@given(st.binary(max_size=100))
def test_any_octets_decode_to_no_more(octets: bytes) -> None:
    for encoding in ("base64", "quoted-printable", "x-uuencode", "7bit"):
        assert len(transfer_encoding.decode(octets, encoding)) <= len(octets)


@pytest.mark.parametrize(
    ("octets", "meant"),
    [(b"eA==", b"x"), (b"eA", b"x"), (b"e A\r\n=", b"x"), (b"eA==eQ==", b"x\x07\x90"), (b"e", b"")],
)
def test_base64_passes_over_what_is_none(octets: bytes, meant: bytes) -> None:
    assert transfer_encoding.base64(octets) == meant


def test_underscores_are_spaces_in_words_only() -> None:
    assert transfer_encoding.q_word(b"a_=62") == b"a b"
    assert transfer_encoding.quoted_printable(b"a_=62=\r\nc =zz") == b"a_bc =zz"
