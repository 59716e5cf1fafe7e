"""Flags of two sides: every change of either side is kept, and both end the same."""

from itertools import product

import pytest

from gateway.legacy.remote_mailbox import Opened
from gateway.pulling.flags import Shared, pushed, same, verdict
from mx_core.model.flags import Flag, FlagSet

ALL = Shared(None)
SEEN = Flag("\\Seen")


def flags(*names: str) -> FlagSet:
    return frozenset(map(Flag, names))


@pytest.mark.parametrize(("agreed", "ours", "theirs"), list(product([False, True], repeat=3)))
def test_what_either_side_changed_counts(agreed: bool, ours: bool, theirs: bool) -> None:
    def as_set(there: bool) -> FlagSet:
        return flags("\\Seen") if there else flags()

    merged = ALL.merged(as_set(agreed), as_set(ours), as_set(theirs))
    add, remove = ALL.to_push(as_set(theirs), merged)

    changed = [side for side in (ours, theirs) if side != agreed]
    assert (SEEN in merged) is (changed[0] if changed else agreed)
    assert (as_set(theirs) - remove) | add == merged


def test_without_an_agreement_nothing_that_either_side_says_is_lost() -> None:
    assert ALL.merged(None, flags("\\Seen"), flags("Work")) == flags("\\Seen", "Work")


def test_what_is_ours_alone_stays_and_is_not_told() -> None:
    ours = flags("$NotEncrypted", "$KeyChanged", "$Unverified", "$MXHeld", "\\Deleted", "\\Seen")

    assert ALL.merged(flags(), ours, flags("\\Deleted", "$NotEncrypted")) == ours
    assert ALL.to_push(flags(), ours) == (flags("\\Seen"), flags())
    assert ALL.merged(flags(), flags(), flags("$KeyChanged", "\\Deleted")) == flags()


def test_spelling_makes_no_difference() -> None:
    assert same(flags("work"), flags("Work"))
    assert not same(None, flags())
    assert ALL.merged(flags("work"), flags("Work"), flags("WORK")) == flags("Work")
    assert ALL.to_push(flags("work"), flags("Work")) == (flags(), flags())


def test_what_the_source_does_not_keep_is_not_told_and_not_taken_away() -> None:
    shared = Shared.of(Opened(1, 0, keeps=flags("\\Seen", "$Forwarded")))

    assert shared.to_push(flags(), flags("Work", "\\Seen")) == (flags("\\Seen"), flags())
    assert shared.merged(flags("Work"), flags("Work"), flags()) == flags("Work")
    assert Shared.of(Opened(1, 0, keeps=flags("\\Seen"), makes=True)).keeps is None


@pytest.mark.parametrize(
    ("said", "use", "header", "is_junk"),
    [
        ((), "", b"", False),
        (("Junk",), "", b"", True),
        (("$junk",), "", b"", True),
        ((), "\\Junk", b"", True),
        ((), "", b"yes", True),
        (("NonJunk",), "\\Junk", b"yes", False),
        (("$NotJunk",), "", b"yes", False),
    ],
)
def test_the_verdict_of_the_source(
    said: tuple[str, ...], use: str, header: bytes, is_junk: bool
) -> None:
    assert verdict(flags(*said), use, header) == (flags("$Junk") if is_junk else flags())


def test_a_push_settles_what_it_was_about_and_nothing_else() -> None:
    change = flags("Mine"), flags("\\Flagged")
    before = flags("\\Flagged", "Old")

    assert pushed(before, change, None) == flags("Old", "Mine")
    assert pushed(before, change, flags("Old", "mine", "\\Seen")) == flags("Old", "Mine")
    assert pushed(before, change, flags("\\Flagged")) == before
    assert pushed(None, change, flags("Mine", "\\Seen")) == flags("Mine")
