"""B2 frames its parts, so that nothing can slide from one to the next.  Spec/notation §2."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.notation.hashing import b2, b2_plain

part_lists = st.lists(st.binary(max_size=12), max_size=4)


@pytest.mark.parametrize(
    ("parts", "key", "digest"),
    [
        ([], b"", "192f5c988c3b151f7973d61bb4dbaae677f20bbae4e0105037f26cfb2a30ded7"),
        (
            [b"", b"abc"],
            b"\1" * 32,
            "a05b62f891f9cdd1c2324a3a9077a0f2697dc220cfc756683a57181f5375d9f0",
        ),
        (
            [b"abc", b""],
            b"\1" * 32,
            "3485212ae3d1db1c32a9ec5e2abd509278b28556f81eaf7370a879f60bd82dc7",
        ),
    ],
)
def test_known_answers_of_the_page(parts: list[bytes], key: bytes, digest: str) -> None:
    assert b2("MX1.test", parts, key=key).hex() == digest


def test_b2_is_blake2b_over_length_and_part_with_the_person_padded() -> None:
    """RFC 7693 §2.8: parameter block with digest length, key length and personalisation."""
    digest = hashlib.blake2b(
        b"\0\0\0\0\0\0\0\2hi" + bytes(8),
        digest_size=32,
        key=b"k" * 32,
        person=b"MX1.test" + bytes(8),
    ).digest()

    assert b2("MX1.test", [b"hi", b""], key=b"k" * 32) == digest


@given(one=part_lists, other=part_lists)
def test_different_parts_have_different_hashes(one: list[bytes], other: list[bytes]) -> None:
    assert (b2("MX1.test", one) == b2("MX1.test", other)) == (one == other)


def test_person_and_key_separate() -> None:
    digests = {
        b2("MX1.a", [b"x"]),
        b2("MX1.b", [b"x"]),
        b2("MX1.a", [b"x"], key=b"k" * 32),
        b2("MX1.a", [b"x"], key=b"l" * 32),
        b2_plain(b"x"),
    }

    assert len(digests) == 5


def test_a_person_longer_than_its_field_is_a_bug_of_ours() -> None:
    with pytest.raises(ValueError, match="person"):
        b2("MX1.seventeen.oct", [])


def test_b2_plain_is_blake2b_256_without_anything() -> None:
    assert b2_plain(b"abc").hex() == (
        "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"
    )
