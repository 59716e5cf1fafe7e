"""Padmé and the pad: one padded length for each length, and no other is read."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.envelope.padding import (
    BODY_FLOOR,
    CONTROL_FLOOR,
    content_length,
    padded_length,
    padding,
    padme,
)
from mx_core.model.errors import Untrusted
from tests.support.refusal import tried

lengths = st.integers(0, 64 << 20)
floors = st.sampled_from([BODY_FLOOR, CONTROL_FLOOR])


@pytest.mark.parametrize(
    ("length", "padded"),
    [
        (1, 1),
        (2, 2),
        (9, 10),
        (100, 104),
        (1000, 1024),
        (2049, 2176),
        (10_241, 10_752),
        (65_536, 65_536),
        (65_537, 67_584),
        (26_214_401, 26_214_400 + 524_288),
        ((64 << 20) + 1, 66 << 20),
    ],
)
def test_padme_keeps_few_leading_bits(length: int, padded: int) -> None:
    """Values worked out by hand from Nikitin et al., §4."""
    assert padme(length, 0) == padded


@given(length=st.integers(1, 1 << 40))
def test_padme_is_what_the_paper_says(length: int) -> None:
    if length > 1:
        exponent = math.floor(math.log2(length)) if length < 1 << 40 else 40
        mantissa = math.floor(math.log2(exponent)) + 1 if exponent else 0
        low = exponent - mantissa
        step = 1 << max(low, 0)

        assert padme(length, 0) == -(-length // step) * step


@given(length=st.integers(1, 1 << 40))
def test_padme_costs_at_most_twelve_percent_and_never_shrinks(length: int) -> None:
    assert length <= padme(length, 0) <= length * 1.12 + 1


@given(length=st.integers(1, 1 << 40))
def test_padding_what_is_padded_changes_nothing(length: int) -> None:
    padded = padme(length, BODY_FLOOR)

    assert padme(padded, BODY_FLOOR) == padded


@given(one=st.integers(0, 1 << 40), other=st.integers(0, 1 << 40))
def test_a_longer_content_is_never_padded_shorter(one: int, other: int) -> None:
    short, long = sorted([one, other])

    assert padme(short, CONTROL_FLOOR) <= padme(long, CONTROL_FLOOR)


@given(length=lengths, floor=floors)
def test_there_is_always_room_for_the_mark(length: int, floor: int) -> None:
    assert floor <= padded_length(length, floor)
    assert length < padded_length(length, floor)


@given(content=st.binary(max_size=5000), floor=floors)
def test_the_content_is_found_again_whatever_it_ends_with(content: bytes, floor: int) -> None:
    padded = content + padding(len(content), floor)

    assert len(padded) == padded_length(len(content), floor)
    assert content_length(padded, floor) == len(content)
    assert content_length(memoryview(padded), floor) == len(content)


@pytest.mark.parametrize("content", [b"", b"\0", b"\x80", b"x\x80\0\0", bytes(200_000)])
def test_contents_that_look_like_a_pad_are_found_again(content: bytes) -> None:
    assert content_length(content + padding(len(content), BODY_FLOOR), BODY_FLOOR) == len(content)


@pytest.mark.parametrize(
    "padded",
    [
        b"",
        bytes(BODY_FLOOR),
        b"x" * BODY_FLOOR,
        b"text\x80",
        (b"text\x80").ljust(BODY_FLOOR + 1, b"\0"),
        (b"text\x80").ljust(BODY_FLOOR - 1, b"\0"),
        (b"text\x80").ljust(BODY_FLOOR - 1, b"\0") + b"\1",
        b"x" * BODY_FLOOR + b"\x80",
    ],
    ids=["empty", "zeros", "no mark", "tight", "wide", "short", "not zero", "no padmé"],
)
def test_any_other_padding_is_refused(padded: bytes) -> None:
    with pytest.raises(Untrusted) as caught:
        content_length(padded, BODY_FLOOR)

    assert caught.value.failure == "padding"


@given(padded=st.binary(max_size=4000), floor=floors)
def test_any_octets_are_the_padding_of_their_content_or_refused(padded: bytes, floor: int) -> None:
    length, failure = tried(lambda: content_length(padded, floor))

    if length is None:
        assert failure == "padding"
    else:
        assert padded == padded[:length] + padding(length, floor)
