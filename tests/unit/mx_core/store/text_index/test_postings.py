"""Where a word stands, packed."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import hypothesis.strategies as st
import pytest
from hypothesis import given

from mx_core.store.text_index import postings
from mx_core.store.text_index.message_list import NUMBERS
from mx_core.store.text_index.postings import Found, Where

MESSAGES = st.lists(st.integers(0, 3_000), unique=True, max_size=200).map(sorted)
TEXTS = st.tuples(MESSAGES, MESSAGES).filter(any)


def pack(headers: Iterable[int], bodies: Iterable[int]) -> Where:
    return postings.pack(array(NUMBERS, headers), array(NUMBERS, bodies))


@given(TEXTS, st.binary(max_size=9))
def test_what_is_packed_comes_back(texts: tuple[list[int], list[int]], before: bytes) -> None:
    where = pack(*texts)
    octets = before if isinstance(where, int) else before + where + b"behind"

    entry = postings.entry(where, len(before))

    assert postings.where(entry, octets) == where
    assert tuple(map(list, postings.unpack(where))) == texts


@given(TEXTS)
def test_both_texts_are_collected_apart_and_together(texts: tuple[list[int], list[int]]) -> None:
    where = pack(*texts)
    entry, octets = postings.entry(where, 0), b"" if isinstance(where, int) else where
    in_headers, in_bodies, together = Found(), Found(), Found()

    postings.collect([entry], octets, [0], in_headers, in_bodies)
    postings.collect([entry], octets, [0], together, together)

    assert (in_headers.all(), in_bodies.all()) == tuple(map(set, texts))
    assert together.all() == {*texts[0], *texts[1]}


@given(st.lists(st.tuples(st.integers(0, 900), TEXTS), min_size=1, max_size=5))
def test_what_is_joined_is_what_all_of_it_packed_at_once_is(
    runs: list[tuple[int, tuple[list[int], list[int]]]],
) -> None:
    parts: list[tuple[int, Where]] = []
    headers: list[int] = []
    bodies: list[int] = []
    by = 0
    for gap, (some_headers, some_bodies) in runs:
        parts.append((by, pack(some_headers, some_bodies)))
        headers += [by + message for message in some_headers]
        bodies += [by + message for message in some_bodies]
        by += max(some_headers + some_bodies) + 1 + gap

    assert postings.join(parts) == pack(headers, bodies)


@pytest.mark.parametrize("many", [[], [0, 1, 2, 3]])
def test_it_is_known_when_every_message_is_found(many: list[int]) -> None:
    found = Found(few={4, 5, 6, 7}, many=sum(1 << message for message in many))

    assert found.holds_all_of(8) == bool(many)
