"""i;unicode-casemap.  RFC 5051."""

from __future__ import annotations

import pytest
from hypothesis import given
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
