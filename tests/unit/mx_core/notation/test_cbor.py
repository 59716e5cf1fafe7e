"""One value, one encoding; nothing outside the profile goes in or comes out.  Spec/notation §1."""

from enum import IntEnum

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mx_core.model.errors import Untrusted
from mx_core.notation import cbor
from tests.support.page_reader import PageRefusalError, page_cbor
from tests.support.refusal import tried

texts = st.text(max_size=20).filter(lambda text: text.isascii())
leaves = st.booleans() | st.integers(0, 2**64 - 1) | st.binary(max_size=40) | texts
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.integers(0, 2**64 - 1), inner, max_size=4)
    ),
    max_leaves=12,
)
DEEPEST = 15


def nested(depth: int) -> bytes:
    return b"\x81" * depth + b"\x00"


@given(value=values)
def test_what_is_encoded_is_decoded(value: cbor.Value) -> None:
    octets = cbor.encode(value)

    decoded = cbor.decode(octets)

    assert decoded == value
    assert cbor.encode(decoded) == octets


@given(fields=st.dictionaries(st.integers(0, 2**64 - 1), leaves, min_size=2))
def test_the_order_in_which_a_map_was_filled_does_not_show(
    fields: dict[int, cbor.Value],
) -> None:
    assert cbor.encode(dict(reversed(fields.items()))) == cbor.encode(fields)


def test_keys_ascend_across_all_lengths() -> None:
    keys = [0, 23, 24, 255, 256, 65_535, 65_536, 2**32, 2**64 - 1]

    octets = cbor.encode(dict.fromkeys(reversed(keys), 0))

    fields = cbor.decode(octets)
    assert isinstance(fields, dict)
    assert list(fields) == keys


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, "00"),
        (23, "17"),
        (24, "1818"),
        (2**64 - 1, "1bffffffffffffffff"),
        (False, "f4"),
        (True, "f5"),
        (b"\1", "4101"),
        ("ü", "62c3bc"),
        ([], "80"),
        ({1: [2]}, "a1018102"),
        (
            {0: 1, 1: b"\0\xff", 2: "é", 3: [True, False, 2**64 - 1]},
            "a40001014200ff0262c3a90383f5f41bffffffffffffffff",
        ),
    ],
)
def test_known_answers(value: cbor.Value, encoded: str) -> None:
    assert cbor.encode(value).hex() == encoded
    assert cbor.decode(bytes.fromhex(encoded)) == value


@pytest.mark.parametrize(
    ("encoded", "why"),
    [
        ("", "nothing"),
        ("0000", "two values"),
        ("1800", "a long form"),
        ("1b0000000000000001", "a longer form"),
        ("5800", "a long length"),
        ("5f4101ff", "an indefinite byte string"),
        ("7f6161ff", "an indefinite text"),
        ("9f00ff", "an indefinite array"),
        ("bf0000ff", "an indefinite map"),
        ("a201000000", "keys descending"),
        ("a200000001", "a key twice"),
        ("a16161 00", "a text key"),
        ("a1410000", "a byte string key"),
        ("a1f500", "a boolean key"),
        ("a12000", "a negative key"),
        ("20", "a negative number"),
        ("c24101", "a bignum"),
        ("c249010000000000000000", "2^64 as a bignum"),
        ("f6", "null"),
        ("f7", "undefined"),
        ("e0", "a simple value"),
        ("f818", "a reserved simple value"),
        ("f90000", "a half float"),
        ("f97e00", "NaN"),
        ("fb3ff0000000000000", "a double"),
        ("c000", "a tag"),
        ("d9d9f700", "the self-describing tag"),
        ("d81c8000", "a shared value"),
        ("62c328", "broken UTF-8"),
        ("6365cc88", "text that is not NFC"),
        ("62ffff", "no UTF-8 at all"),
        ("41", "a byte string cut short"),
        ("9affffffff", "an array that promises 2^32 items"),
        ("5b7fffffffffffffff", "a byte string of 2^63 octets"),
        ("bb7fffffffffffffff", "a map of 2^63 pairs"),
        ("1c", "a reserved length"),
        ("ff", "a break alone"),
    ],
)
def test_any_other_encoding_is_refused(encoded: str, why: str) -> None:
    with pytest.raises(Untrusted) as caught:
        cbor.decode(bytes.fromhex(encoded))

    assert caught.value.failure == "canonical", why


@pytest.mark.parametrize("leaf", [b"\x00", b"\x41x", b"\x61x", b"\xf5", b"\xa0"])
@pytest.mark.parametrize("around", [b"\x81", b"\xa1\x00"])
def test_whatever_is_innermost_is_as_deep_as_anything_else(leaf: bytes, around: bytes) -> None:
    cbor.decode(around * DEEPEST + leaf)
    with pytest.raises(Untrusted):
        cbor.decode(around * (DEEPEST + 1) + leaf)


def test_depth_is_bounded_in_both_directions() -> None:
    value: cbor.Value = 0
    for _ in range(DEEPEST):
        value = [value]

    assert cbor.decode(nested(DEEPEST)) == value
    assert cbor.encode(value) == nested(DEEPEST)
    with pytest.raises(TypeError):
        cbor.encode([value])
    for depth in (DEEPEST + 1, 1000, 60_000):
        with pytest.raises(Untrusted):
            cbor.decode(nested(depth))


@pytest.mark.parametrize(
    "value",
    [None, 1.0, -1, 2**64, "e\u0308", {"a": 1}, {True: 1}, {-1: 1}, (1,), {1}, [None], {0: 1.5}],
)
def test_a_value_outside_the_profile_is_a_bug_of_the_writer(value: object) -> None:
    with pytest.raises(TypeError):
        cbor.encode(value)  # type: ignore[arg-type]  # what must not be given


edges = st.sampled_from([n + d for n in (0, 24, 2**8, 2**16, 2**32, 2**64) for d in (-1, 0, 1)])
anything = st.recursive(
    leaves | edges | st.text(max_size=5) | st.none() | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(st.integers(0, 2**64), min_size=14, max_size=30)
        | st.dictionaries(leaves | edges, inner, max_size=4)
        | st.dictionaries(st.integers(0, 2**64 - 1), leaves, min_size=14, max_size=30)
    ),
    max_leaves=10,
)


@settings(max_examples=500)
@given(value=anything, around=st.integers(0, 16))
def test_what_is_written_is_what_the_library_writes_or_is_refused(
    value: object, around: int
) -> None:
    for _ in range(around):
        value = [value]
    octets = cbor2.dumps(value, canonical=True)
    _, failure = tried(lambda: cbor.decode(octets))

    if failure:
        with pytest.raises(TypeError):
            cbor.encode(value)  # type: ignore[arg-type]
    else:
        assert cbor.encode(value) == octets  # type: ignore[arg-type]


def test_a_kind_of_number_is_written_as_the_number() -> None:
    class Kind(IntEnum):
        FIRST = 1

    assert cbor.encode({Kind.FIRST: [Kind.FIRST]}) == bytes.fromhex("a1018101")


@settings(max_examples=200)
@given(octets=st.binary(max_size=60))
def test_any_octets_are_the_encoding_of_what_they_decode_to_or_refused(octets: bytes) -> None:
    value, failure = tried(lambda: cbor.decode(octets))

    assert failure == "canonical" or (value is not None and cbor.encode(value) == octets)


@settings(max_examples=200)
@given(value=values, at=st.integers(0), octet=st.binary(min_size=1, max_size=1))
def test_one_wrong_octet_gives_another_value_or_is_refused(
    value: cbor.Value, at: int, octet: bytes
) -> None:
    octets = cbor.encode(value)
    at %= len(octets)
    wrong = octets[:at] + octet + octets[at + 1 :]

    decoded, failure = tried(lambda: cbor.decode(wrong))

    assert failure == "canonical" or (decoded is not None and cbor.encode(decoded) == wrong)


@settings(max_examples=300)
@given(
    value=st.recursive(
        st.none()
        | st.floats()
        | st.integers()
        | st.text(max_size=5)
        | st.datetimes(timezones=st.timezones()),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        ),
        max_leaves=6,
    )
)
def test_well_formed_cbor_of_other_profiles_is_refused_or_is_of_ours(value: object) -> None:
    octets = cbor2.dumps(value)

    decoded, failure = tried(lambda: cbor.decode(octets))

    assert failure == "canonical" or (decoded is not None and cbor.encode(decoded) == octets)


@settings(max_examples=300)
@given(
    octets=st.binary(max_size=40) | values.map(cbor.encode),
    at=st.integers(0),
    octet=st.binary(max_size=2),
)
def test_a_decoder_written_from_the_page_agrees(octets: bytes, at: int, octet: bytes) -> None:
    at %= len(octets) + 1
    octets = octets[:at] + octet + octets[at + 1 :]

    decoded, failure = tried(lambda: cbor.decode(octets))

    if failure:
        with pytest.raises(PageRefusalError, match="canonical"):
            page_cbor(octets)
    else:
        assert page_cbor(octets) == decoded
