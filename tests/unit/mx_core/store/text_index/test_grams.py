"""Which blocks can hold a term."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given, settings

from mx_core.store.text_index import grams
from mx_core.store.text_index.grams import ROWS_OF_SLICE, Group

VOCABULARIES = st.lists(
    st.lists(st.text("abcdé", min_size=1, max_size=9), min_size=1, max_size=9),
    min_size=1,
    max_size=20,
)


def possible(group: Group, term: bytes) -> set[int]:
    slices, width = list(group.slices()), grams.row_octets(group.blocks)
    bits = (1 << group.blocks) - 1
    for number, row in grams.rows_of(term):
        bits &= int.from_bytes(slices[number][row * width : (row + 1) * width], "little")
    return set(grams.blocks_of(bits))


@settings(max_examples=20, deadline=None)
@given(VOCABULARIES, st.data())
def test_a_block_that_holds_a_term_is_never_left_out(
    vocabularies: list[list[str]], data: st.DataObject
) -> None:
    group = Group()
    for words in vocabularies:
        group.add(b"\n" + "\n".join(words).encode() + b"\n", lambda: None)
    word = data.draw(st.sampled_from([word for words in vocabularies for word in words]))
    term = word[data.draw(st.integers(0, len(word))) :].encode()

    holding = {n for n, words in enumerate(vocabularies) if any(word in w for w in words)}

    assert holding <= possible(group, term)


def test_a_term_that_is_nowhere_leaves_few_blocks() -> None:
    group = Group()
    for block in range(64):
        words = b"".join(b"word%d%d\n" % (block, number) for number in range(2_000))
        group.add(b"\n" + words, lambda: None)

    assert len(possible(group, b"somewhere-else")) == 0
    assert len(next(iter(group.slices()))) == 8 * ROWS_OF_SLICE


def test_no_four_octets_are_missed_where_a_long_word_is_cut() -> None:
    group = Group()
    word = b"".join(b"%05d" % number for number in range(8_000))
    group.add(b"\nother\n", lambda: None)
    group.add(b"\n" + word + b"\n", lambda: None)

    for at in range(32_755, 32_785):
        assert 1 in possible(group, word[at : at + 4])
