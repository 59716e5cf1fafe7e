"""Names against patterns.  RFC 9051 §6.3.9."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imap_out.session.mailboxes.listing import matches

words = st.text("ab/", max_size=8)
patterns = st.text("ab/*%", max_size=8)


@pytest.mark.parametrize(
    ("pattern", "name", "answer"),
    [
        ("*", "a/b", True),
        ("%", "a/b", False),
        ("%", "a", True),
        ("a/%", "a/b", True),
        ("a/%", "a/b/c", False),
        ("a*c", "a/b/c", True),
        ("inbox", "INBOX", True),
        ("inbox/x", "INBOX/x", True),
        ("Inboxes", "INBOXes", False),
        ("", "a", False),
    ],
)
def test_known_answers(pattern: str, name: str, answer: bool) -> None:
    assert matches(pattern, name) is answer


@given(pattern=patterns, name=words)
def test_wildcards_mean_what_a_regular_expression_would_say(pattern: str, name: str) -> None:
    spelled = "".join({"*": ".*", "%": "[^/]*"}.get(sign, sign) for sign in pattern)

    assert matches(pattern, name) == (re.fullmatch(spelled, name) is not None)


def test_a_pattern_made_to_hurt_costs_little() -> None:
    start = time.monotonic()

    assert not matches("%a*" * 300 + "b", "a" * 1000)

    assert time.monotonic() - start < 2
