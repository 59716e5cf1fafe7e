"""A letter of the spool and its sealed form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.public import PrivateKey, SealedBox

from gateway.spool.letter import Letter, opened, sealed, with_crlf
from mx_core.model.errors import BadMessage, Untrusted
from mx_core.notation import cbor

KEY = PrivateKey(bytes(range(32)))
LETTER = Letter(
    "alice@a.example", ("bob@b.example", "c@c.example"), b"a: b\r\n\r\nx\r\n", "NEVER", True, "id"
)


def test_what_was_sealed_opens_and_shows_nothing_before() -> None:
    octets = sealed(LETTER, KEY.public_key)

    assert opened(octets, KEY) == LETTER
    assert not any(word in octets for word in (b"alice", b"bob", b"a: b"))


@given(at=st.integers(0, 400), bit=st.integers(0, 7))
def test_one_changed_bit_opens_nothing(at: int, bit: int) -> None:
    octets = bytearray(sealed(LETTER, KEY.public_key))
    octets[at % len(octets)] ^= 1 << bit

    with pytest.raises(Untrusted):
        opened(bytes(octets), KEY)


@pytest.mark.parametrize(
    "value",
    [
        {0: 2, 1: "", 2: [], 3: b"", 4: "", 5: False, 6: ""},
        {0: 1, 1: "", 2: [], 3: b"", 4: "", 5: False},
        {0: 1, 1: "", 2: [], 3: b"", 4: "", 5: False, 6: "", 7: 1},
        {0: 1, 1: "", 2: [], 3: "", 4: "", 5: False, 6: ""},
        [1],
        1,
    ],
)
def test_another_form_is_no_letter(value: cbor.Value) -> None:
    with pytest.raises(Untrusted):
        opened(bytes(SealedBox(KEY.public_key).encrypt(cbor.encode(value))), KEY)


@pytest.mark.parametrize(
    ("octets", "dot_ends", "expected"),
    [
        (b"a\nb", True, b"a\r\nb\r\n"),
        (b"a\r\nb\r\n", True, b"a\r\nb\r\n"),
        (b"a\n.\nb\n", True, b"a\r\n"),
        (b"a\n.\nb\n", False, b"a\r\n.\r\nb\r\n"),
        (b".\nb\n", True, b""),
        (b"a\n..\n", True, b"a\r\n..\r\n"),
        (b"", True, b""),
    ],
)
def test_lines_get_crlf(octets: bytes, dot_ends: bool, expected: bytes) -> None:
    assert with_crlf(octets, dot_ends=dot_ends) == expected


@pytest.mark.parametrize("octets", [b"a\0b\n", b"a\rb\n", b"\r"])
def test_a_nul_or_a_lone_cr_is_no_message(octets: bytes) -> None:
    with pytest.raises(BadMessage):
        with_crlf(octets, dot_ends=False)
