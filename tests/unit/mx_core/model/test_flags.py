"""Flags: system flags in one spelling, keywords as first written.  RFC 9051 §2.3.2."""

import pytest

from mx_core.model.flags import (
    DELETED,
    KEY_CHANGED,
    NOT_ENCRYPTED,
    RECENT,
    SEEN,
    SYSTEM_FLAGS,
    canonical_flag,
)


@pytest.mark.parametrize("flag", SYSTEM_FLAGS)
def test_a_system_flag_has_one_spelling(flag: str) -> None:
    assert canonical_flag(flag.lower()) == canonical_flag(flag.upper()) == flag


def test_a_keyword_keeps_its_spelling() -> None:
    assert canonical_flag("$Forwarded") == "$Forwarded"
    assert canonical_flag("old") == "old"


def test_recent_is_no_flag_that_can_be_stored() -> None:
    """RFC 3501 §2.3.2: it belongs to a session."""
    assert RECENT not in SYSTEM_FLAGS
    assert len(set(SYSTEM_FLAGS)) == 5
    assert {SEEN, DELETED} <= set(SYSTEM_FLAGS)


def test_the_marks_of_the_weak_cases_are_keywords() -> None:
    assert all(mark.startswith("$") for mark in (NOT_ENCRYPTED, KEY_CHANGED))
