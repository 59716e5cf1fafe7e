"""One list of messages, packed."""

from __future__ import annotations

from array import array

import hypothesis.strategies as st
import pytest
from hypothesis import given

from mx_core.store.text_index import message_list
from mx_core.store.text_index.message_list import NUMBERS

# few and many, close and far apart, and more than are packed by one number
GAPS = st.one_of(
    st.lists(st.integers(1, 9), max_size=300),
    st.lists(st.integers(1, 2_000), max_size=300),
    st.integers(4_090, 4_100).map(lambda count: [count % 7 + 1] * count),
)


def ascending(first: int, gaps: list[int]) -> list[int]:
    messages = [first]
    for gap in gaps:
        messages.append(messages[-1] + gap)
    return messages


@given(st.integers(0, 100_000), GAPS)
def test_what_is_packed_comes_back(first: int, gaps: list[int]) -> None:
    messages = ascending(first, gaps)

    assert list(message_list.unpack(*message_list.pack(array(NUMBERS, messages)))) == messages


@given(st.integers(0, 100_000), GAPS)
def test_it_is_gaps_in_leb128_or_a_bitmap_whichever_is_shorter(first: int, gaps: list[int]) -> None:
    messages = ascending(first, gaps)
    written = bytearray()
    for gap in (first, *gaps):
        message_list.put(written, gap)
    bits = sum(1 << message for message in messages).to_bytes(messages[-1] // 8 + 1, "little")

    octets, bitmap = message_list.pack(array(NUMBERS, messages))

    assert bitmap == (len(bits) < len(written))
    assert octets == (bits if bitmap else bytes(written))


def test_of_nothing_there_is_nothing() -> None:
    assert message_list.pack(array(NUMBERS)) == (b"", False)


@pytest.mark.parametrize(
    ("messages", "octets_max"), [(range(8_000), 1_000), (range(0, 80_000, 100), 800), ([70_000], 3)]
)
def test_a_list_is_as_short_as_its_messages_allow(messages: range, octets_max: int) -> None:
    octets, _ = message_list.pack(array(NUMBERS, messages))

    assert len(octets) <= octets_max
