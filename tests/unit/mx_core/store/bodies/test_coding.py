"""Octets in a row: the shorter of two ways to stand, and back."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.model.errors import StoreDamaged
from mx_core.store.bodies import coding

TEXT = b"A line of usual length, as people write them.\r\n" * 40
NOISE = random.Random(5).randbytes(2_000)


@given(st.lists(st.sampled_from([b"", TEXT, NOISE, b"x"]), max_size=4).map(b"".join))
def test_what_is_encoded_comes_back_and_is_never_longer(octets: bytes) -> None:
    how, stored = coding.encode(octets)

    assert coding.decode(how, stored, len(octets)) == octets
    assert len(stored) <= len(octets)
    assert coding.clear_size(how, stored, 1 << 20) == len(octets)


def test_only_what_becomes_shorter_is_compressed() -> None:
    assert coding.encode(TEXT)[0] == coding.LZ4
    assert coding.encode(NOISE) == (coding.PLAIN, NOISE)
    assert coding.encode(TEXT[:100]) == (coding.PLAIN, TEXT[:100])


@pytest.mark.parametrize("size", [0, len(TEXT) - 1, len(TEXT) + 1])
def test_octets_of_another_length_are_damage(size: int) -> None:
    how, stored = coding.encode(TEXT)
    with pytest.raises(StoreDamaged):
        coding.decode(how, stored, size)


def test_what_does_not_open_is_damage() -> None:
    how, stored = coding.encode(TEXT)
    with pytest.raises(StoreDamaged):
        coding.decode(how, stored[:-9], len(TEXT))
    with pytest.raises(StoreDamaged):
        coding.decode(7, stored, len(TEXT))
    assert coding.clear_size(how, stored[:-9], len(TEXT)) is None
    assert coding.clear_size(how, stored, len(TEXT) - 1) is None
