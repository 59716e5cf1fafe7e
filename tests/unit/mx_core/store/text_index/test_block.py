"""Words in order, packed; and finding in them."""

from __future__ import annotations

from array import array

import hypothesis.strategies as st
import pytest
from hypothesis import given

from mx_core.store.text_index import block, postings
from mx_core.store.text_index.message_list import NUMBERS
from mx_core.store.text_index.postings import Found, Where

WORDS = st.sets(st.text("abcé", min_size=1, max_size=5), min_size=1, max_size=40).map(
    lambda words: sorted(word.encode() for word in words)
)


def at(number: int) -> Where:
    return postings.pack(array(NUMBERS, [number]), array(NUMBERS, [number + 1]))


def packed(words: list[bytes]) -> list[block.Block]:
    entries = ((word, at(number)) for number, word in enumerate(words))
    return list(block.blocks(entries, lambda: None))


@given(WORDS)
def test_a_block_gives_back_what_it_was_made_of(words: list[bytes]) -> None:
    [made] = packed(words)

    back, entries, lists = block.parts(made)

    assert back == words
    assert [postings.where(entry, lists) for entry in entries] == list(map(at, range(len(words))))


@given(WORDS, st.text("abcé", min_size=1, max_size=3))
def test_a_pattern_is_found_in_every_word_that_holds_it(words: list[bytes], term: str) -> None:
    [made] = packed(words)
    octets = term.encode()

    def places(pattern: bytes) -> list[bytes]:
        return [words[place] for place in block.places(made.words, pattern)]

    assert places(octets) == [word for word in words if octets in word]
    assert places(b"\n" + octets) == [word for word in words if word.startswith(octets)]
    assert places(octets + b"\n") == [word for word in words if word.endswith(octets)]
    assert places(b"\n" + octets + b"\n") == [word for word in words if word == octets]


@given(WORDS)
def test_the_messages_of_the_words_found_are_collected(words: list[bytes]) -> None:
    [made] = packed(words)
    headers, bodies = Found(), Found()

    block.collect(made.words, made.postings, range(len(words)), headers, bodies)

    assert headers.all() == set(range(len(words)))
    assert bodies.all() == set(range(1, len(words) + 1))


@pytest.mark.parametrize("length", [10, 100_000])
def test_a_block_is_closed_when_it_is_large(length: int) -> None:
    words = [b"%08d" % number + b"x" * length for number in range(3 * 65_536 // length + 3)]

    made = packed(words)

    assert len(made) >= 3
    assert max(len(one.words) for one in made) <= block.WORDS_OCTETS + length + 10
