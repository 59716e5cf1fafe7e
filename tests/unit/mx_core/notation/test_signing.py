"""A signature is for one use; a verifier takes only what libsodium's strict rules take."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from mx_core.model.errors import Untrusted
from mx_core.notation.signing import Use, passport_role, sign, verify

KEY = SigningKey(b"\1" * 32)
PUBLIC = bytes(KEY.verify_key)
USES = [*map(str, Use), *map(passport_role, range(1, 7))]
ORDER = 2**252 + 27742317777372353535851937790883648493
SMALL_SIGNATURE = b"\1" + bytes(63)  # R = the neutral point, S = 0
SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
]


def refused(public_key: bytes, use: str, octets: bytes, signature: bytes) -> bool:
    with pytest.raises(Untrusted) as caught:
        verify(public_key, use, octets, signature)
    return caught.value.failure == "bad-signature"


def test_known_answer_of_the_page() -> None:
    assert PUBLIC.hex() == "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c"
    assert sign(KEY, "message", b"abc").hex() == (
        "ca56cb98209eac490ccd0ff77de1191309176fe55156aca8b12eff84c2e885d8"
        "409f5941aae11e5b8ef2df5171b5faea278940b22e8dbed73a060c60cd34c608"
    )


def test_what_is_signed_is_context_zero_octets() -> None:
    assert sign(KEY, "epoch", b"abc") == KEY.sign(b"MailX v1 epoch\0abc").signature


@settings(max_examples=40)
@given(octets=st.binary(max_size=100), use=st.sampled_from(USES))
def test_a_signature_verifies_under_its_own_use_and_no_other(octets: bytes, use: str) -> None:
    signature = sign(KEY, use, octets)

    verify(PUBLIC, use, octets, signature)
    for other in USES:
        if other != use:
            assert refused(PUBLIC, other, octets, signature)


def test_the_uses_are_those_of_the_page() -> None:
    assert set(map(str, Use)) == {
        "epoch",
        "attest",
        "message",
        "door",
        "receipt",
        "journal",
        "journal-key",
        "client-auth",
        "claim",
        "domain-roll",
        "server",
        "batch",
        "peer-auth",
        "unreadable",
    }
    assert passport_role(3) == "passport.3"


@given(at=st.integers(0, 511))
def test_any_altered_bit_of_a_signature_is_refused(at: int) -> None:
    signature = bytearray(sign(KEY, Use.MESSAGE, b"abc"))
    signature[at // 8] ^= 1 << at % 8

    assert refused(PUBLIC, Use.MESSAGE, b"abc", bytes(signature))


def test_other_octets_or_another_key_are_refused() -> None:
    signature = sign(KEY, Use.MESSAGE, b"abc")

    assert refused(PUBLIC, Use.MESSAGE, b"abd", signature)
    assert refused(bytes(SigningKey(b"\2" * 32).verify_key), Use.MESSAGE, b"abc", signature)


def test_a_signature_that_adds_the_group_order_is_refused() -> None:
    signature = sign(KEY, Use.MESSAGE, b"abc")
    scalar = int.from_bytes(signature[32:], "little") + ORDER

    assert refused(PUBLIC, Use.MESSAGE, b"abc", signature[:32] + scalar.to_bytes(32, "little"))


@pytest.mark.parametrize("key", SMALL_ORDER)
def test_a_key_of_small_order_is_refused_though_everything_verifies_under_it(key: str) -> None:
    small = bytes.fromhex(key)

    assert refused(small, Use.MESSAGE, b"abc", SMALL_SIGNATURE)
    assert refused(small, Use.MESSAGE, b"abc", small + bytes(32))


def test_a_key_that_is_not_the_one_spelling_of_its_point_is_refused() -> None:
    prime = 2**255 - 19

    for number in range(prime, 2**255):
        assert refused(number.to_bytes(32, "little"), Use.MESSAGE, b"", SMALL_SIGNATURE)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    assert refused(bytes(length), Use.MESSAGE, b"abc", sign(KEY, Use.MESSAGE, b"abc"))


@pytest.mark.parametrize("length", [0, 63, 65, 128])
def test_a_signature_of_another_length_is_refused(length: int) -> None:
    assert refused(PUBLIC, Use.MESSAGE, b"abc", bytes(length))
