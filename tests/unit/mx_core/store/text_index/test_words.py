"""The words of a text."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given, settings

from mx_core.store.text_index.words import distinct, in_order


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text("ab \n\u2003\x1c\u3000字", max_size=9), max_size=9), st.integers(1, 4_000))
def test_words_are_what_stands_between_white_space(pieces: list[str], times: int) -> None:
    text = "".join(pieces) * times

    assert distinct(text, lambda: None) == set(text.split())


@given(st.lists(st.integers(0, 99_999), unique=True, max_size=300))
def test_many_words_come_in_order(numbers: list[int]) -> None:
    words = [str(number * 7 % 100_003) for number in range(9_000)] + [f"x{n}" for n in numbers]

    assert list(in_order(words, lambda: None)) == sorted(words)
