"""Lists of messages, packed."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from mx_core.store.text_index import postings
from mx_core.store.text_index.postings import Found

MESSAGES = st.lists(st.integers(0, 3_000), unique=True, max_size=200).map(sorted)


@given(MESSAGES, MESSAGES, st.binary(max_size=9))
def test_what_is_packed_comes_back(headers: list[int], bodies: list[int], before: bytes) -> None:
    if not headers and not bodies:
        return
    entry, octets = postings.pack(headers, bodies, len(before))

    found = postings.unpack(entry, before + octets)

    assert [list(found[0]), list(found[1])] == [headers, bodies]


@given(MESSAGES, MESSAGES)
def test_both_texts_are_collected_apart_and_together(headers: list[int], bodies: list[int]) -> None:
    if not headers and not bodies:
        return
    entry, octets = postings.pack(headers, bodies, 0)
    in_headers, in_bodies, together = Found(), Found(), Found()

    postings.collect([entry], octets, [0], in_headers, in_bodies)
    postings.collect([entry], octets, [0], together, together)

    assert (in_headers.all(), in_bodies.all()) == (set(headers), set(bodies))
    assert together.all() == {*headers, *bodies}


@pytest.mark.parametrize(
    ("messages", "octets_max"), [(range(8_000), 1_010), (range(0, 80_000, 100), 810), ([70_000], 0)]
)
def test_a_list_is_as_short_as_its_messages_allow(messages: range, octets_max: int) -> None:
    _, octets = postings.pack(list(messages), [], 0)

    assert len(octets) <= octets_max


@pytest.mark.parametrize("many", [[], [0, 1, 2, 3]])
def test_it_is_known_when_every_message_is_found(many: list[int]) -> None:
    found = Found(few={4, 5, 6, 7}, many=sum(1 << message for message in many))

    assert found.holds_all_of(8) == bool(many)
