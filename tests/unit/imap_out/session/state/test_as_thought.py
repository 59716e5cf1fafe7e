"""What a client must think that a silent STORE did, over parts that were cut alike or not."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imap_out.session.state.as_thought import otherwise
from imap_out.wire.commands import Store
from imap_out.wire.sequence_set import SequenceSet
from mx_core.model.flags import ANSWERED, FLAGGED, SEEN, Flag, FlagSet
from mx_core.model.ids import MessageId, ModSeq, Uid, UidValidity
from mx_core.model.snapshot import Snapshot, snapshot_of
from mx_core.ports import FlagChange

COUNT = 2_100  # three parts
UIDS = [Uid(2 * n) for n in range(1, COUNT + 1)]
OLD = Snapshot(UidValidity(1), Uid(1), ModSeq(1)).with_added(
    ModSeq(2), UIDS, [MessageId(n) for n in UIDS],
    [frozenset({ANSWERED}) if n % 3 else frozenset[Flag]() for n in range(COUNT)],
)  # fmt: skip
ALL = SequenceSet(((1, 0),))


def stored(change: FlagChange, *flags: str) -> Store:
    return Store(ALL, change, frozenset(map(Flag, flags)), silent=True)


def with_flags(rows: Snapshot, change: FlagChange, flags: FlagSet) -> Snapshot:
    made: Callable[[FlagSet], FlagSet] = {
        FlagChange.ADD: lambda old: old | flags,
        FlagChange.REMOVE: lambda old: old - flags,
        FlagChange.REPLACE: lambda _old: flags,
    }[change]
    return rows.with_flags(ModSeq(3), UIDS, {old: made(old) for old in rows.flags})


def apart(rows: Snapshot) -> Snapshot:
    """Return the same, cut otherwise."""
    columns = (rows.uids, rows.messages, rows.modseqs, rows.flags)
    whole = snapshot_of(rows.uid_validity, rows.uid_next, rows.highest_modseq, *columns)
    return whole.without(ModSeq(4), [UIDS[700]]).with_rows(whole.of_uids([UIDS[700]]))


@pytest.mark.parametrize("change", list(FlagChange))
def test_what_was_asked_is_what_the_client_thinks(change: FlagChange) -> None:
    after = with_flags(OLD, change, frozenset({SEEN}))

    assert otherwise(OLD, after, range(COUNT), stored(change, SEEN)) == []
    assert otherwise(OLD, apart(after), range(COUNT), stored(change, SEEN)) == []


KEPT = st.frozensets(st.sampled_from([SEEN, FLAGGED, Flag("Work"), Flag("$x")]))
GIVEN = st.frozensets(
    st.sampled_from([SEEN, Flag("\\SEEN"), Flag("Work"), Flag("WORK"), Flag("$X")])
)


@given(st.sampled_from(FlagChange), KEPT, KEPT, GIVEN)
def test_spelling_changes_nothing(
    change: FlagChange, was: FlagSet, now: FlagSet, flags: FlagSet
) -> None:
    def folded(some: FlagSet) -> set[str]:
        return {flag.lower() for flag in some}

    thought = {
        FlagChange.ADD: folded(was) | folded(flags),
        FlagChange.REMOVE: folded(was) - folded(flags),
        FlagChange.REPLACE: folded(flags),
    }[change]
    one = snapshot_of(
        UidValidity(1), Uid(2), ModSeq(1), [Uid(1)], [MessageId(1)], [ModSeq(1)], [was]
    )
    after = one.with_flags(ModSeq(2), [Uid(1)], {was: now})

    told = otherwise(one, after, [0], stored(change, *flags))
    assert told == ([] if folded(now) == thought else [Uid(1)])


def test_what_somebody_else_changed_too_is_told() -> None:
    after = with_flags(OLD, FlagChange.ADD, frozenset({SEEN}))
    for at, flags in ((5, frozenset({SEEN, FLAGGED})), (1_500, frozenset({SEEN}))):
        after = after.with_flags(ModSeq(4), [UIDS[at]], {after.flags[at]: flags})
    thought = {UIDS[5]} | ({UIDS[1_500]} if OLD.flags[1_500] else set())

    assert otherwise(OLD, after, range(COUNT), stored(FlagChange.ADD, SEEN)) == sorted(thought)
    assert otherwise(OLD, after, [4, 5, 6], stored(FlagChange.ADD, SEEN)) == [UIDS[5]]
    assert otherwise(OLD, after, [4, 6], stored(FlagChange.ADD, SEEN)) == []


def test_the_accounts_spelling_of_a_keyword_is_no_other_flag() -> None:
    after = with_flags(OLD, FlagChange.ADD, frozenset({Flag("$Work")}))

    assert otherwise(OLD, after, range(COUNT), stored(FlagChange.ADD, "$WORK")) == []
    back = after.with_flags(ModSeq(5), UIDS, dict(zip(after.flags, OLD.flags, strict=True)))
    assert otherwise(after, back, range(COUNT), stored(FlagChange.REMOVE, "$work")) == []
