"""i;unicode-casemap.  RFC 5051."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mx_core.mime.casemap import fold


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Words", "wORDS"),
        ("Grün", "GRÜN"),
        ("ǆ", "Ǆ"),
        ("ﬁ", "ﬁ"),
        ("É", "e\u0301"),
        ("Привет", "ПРИВЕТ"),
    ],
)
def test_spellings_that_differ_in_case_or_composition_are_one(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@given(st.text(max_size=20))
def test_folding_lower_and_upper_ascii_is_the_same_and_repeats(text: str) -> None:
    assert fold(fold(text)) == fold(fold(fold(text)))


def plainly(text: str) -> str:
    """RFC 5051 §2 as it is written, character by character."""
    titles = [c.title() if len(c.title()) == 1 else c for c in text]
    return unicodedata.normalize("NFKD", "".join(titles))


def test_every_character_there_is_folds_as_the_rule_says() -> None:
    every = [chr(n) for n in range(sys.maxunicode + 1) if not 0xD800 <= n < 0xE000 and n != 10]

    assert fold("\n".join(every)) == plainly("\n".join(every))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.text("aZ \u0301\u0323\u0344é\u1100\u1161\u11a8ǆßﬁ가", min_size=1, max_size=6),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from("a \u1100é가ǆ"),  # else marks would be more in a row than any language writes
    st.integers(1, 4_000),
)
def test_a_long_text_folds_piece_by_piece_as_it_does_whole(
    words: list[str], base: str, times: int
) -> None:
    text = ("".join(words) + base) * times

    assert fold(text) == plainly(text)


def test_marks_without_end_are_folded_in_linear_time() -> None:
    marks = "\u0301\u0323" * 200_000

    assert sorted(fold(marks)) == sorted(marks)
