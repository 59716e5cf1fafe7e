"""Snapshots: whatever changes are put in, they say what plain rows would."""

import dataclasses
from array import array
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mx_core.model.flags import SEEN, Flag, FlagSet
from mx_core.model.ids import MessageId, ModSeq, Uid, UidValidity
from mx_core.model.part import PART_MAX, Part, apart, parts_of
from mx_core.model.snapshot import Snapshot, snapshot_of

EMPTY = Snapshot(UidValidity(1), Uid(1), ModSeq(1))
Rows: TypeAlias = dict[int, tuple[int, int, FlagSet]]
NONE: FlagSet = frozenset()
PARTS: list[Part] = [
    part
    for n in range(61)
    for part in parts_of(array("I", [n]), array("Q", [n]), array("Q", [1]), [NONE])
]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from([1, 3, 700, 1500])),
        st.tuples(st.just("flag"), st.sampled_from([1, 2, 7, 100])),
        st.tuples(st.just("drop"), st.sampled_from([1, 2, 3, 50])),
    ),
    max_size=8,
)


def grown(count: int) -> Snapshot:
    uids = [Uid(n) for n in range(1, count + 1)]
    return EMPTY.with_added(ModSeq(2), uids, [MessageId(n) for n in uids], [NONE] * count)


def rows(snapshot: Snapshot) -> Rows:
    columns = (snapshot.messages, snapshot.modseqs, snapshot.flags)
    return dict(zip(snapshot.uids, zip(*columns, strict=True), strict=True))


@settings(deadline=None)
@given(STEPS)
def test_changes_say_what_plain_rows_would(steps: list[tuple[str, int]]) -> None:
    snapshot, plain, modseq = EMPTY, dict[int, tuple[int, int, FlagSet]](), 1
    for step, number in steps:
        modseq += 1
        if step == "add":
            uids = [Uid(snapshot.uid_next + n) for n in range(number)]
            ids = [MessageId(uid * 2) for uid in uids]
            snapshot = snapshot.with_added(ModSeq(modseq), uids, ids, [NONE] * number)
            plain |= {uid: (uid * 2, modseq, NONE) for uid in uids}
            continue
        some = [Uid(uid) for uid in list(plain)[::number]] + [Uid(10**6)]
        if step == "flag":
            flags = frozenset({Flag(f"f{modseq}")})
            turns = dict.fromkeys(snapshot.flags, flags)
            snapshot = snapshot.with_flags(ModSeq(modseq), some, turns)
            plain |= {uid: (uid * 2, modseq, flags) for uid in some if uid in plain}
        else:
            gone = set(some)
            snapshot = snapshot.without(ModSeq(modseq), some)
            plain = {uid: row for uid, row in plain.items() if uid not in gone}

    assert rows(snapshot) == plain
    assert list(snapshot.uids) == sorted(plain)
    assert [snapshot.position(uid) for uid in plain] == list(range(len(snapshot)))
    sought = [*sorted(plain)[::3], Uid(10**6)]
    assert snapshot.positions(sought) == [snapshot.position(uid) for uid in sought[:-1]]
    assert all(max(part.modseqs) == part.max_modseq for part in snapshot.parts)
    assert all(0 < len(part) <= PART_MAX for part in snapshot.parts)
    for part in snapshot.parts:
        if part.latest is not None:
            at, rest = part.latest
            others = [*part.modseqs[:at], *part.modseqs[at + 1 :]]
            assert part.modseqs[at] == part.max_modseq > rest >= max(others, default=0)
    since = modseq // 2
    assert [snapshot.uids[at] for at in snapshot.changed_since(since)] == [
        uid for uid, row in plain.items() if row[1] > since
    ]
    walked = [part.uids[at] for _, part, at in snapshot.rows(range(0, len(snapshot), 3))]
    assert walked == list(snapshot.uids)[::3]


def test_a_change_shares_all_parts_that_it_does_not_touch() -> None:
    before = grown(5 * PART_MAX)
    after = before.with_flags(ModSeq(9), [Uid(1)], {NONE: frozenset({SEEN})})

    assert after.parts[1:] == before.parts[1:]
    assert after.parts[0].uids is before.parts[0].uids
    assert before.flags[0] == NONE


@pytest.mark.parametrize("there", [1, PART_MAX - 1, PART_MAX, 3 * PART_MAX])
@pytest.mark.parametrize("more", [1, PART_MAX, 2 * PART_MAX + 1])
def test_what_is_added_is_not_in_the_snapshot_before(there: int, more: int) -> None:
    before = grown(there)
    uids = [Uid(there + n) for n in range(1, more + 1)]
    after = before.with_added(ModSeq(3), uids, [MessageId(n) for n in uids], [NONE] * more)
    flagged = before.with_flags(ModSeq(4), [Uid(there)], {NONE: frozenset({SEEN})})

    for snapshot, count in ((before, there), (after, there + more), (flagged, there)):
        assert len(snapshot) == count
        assert list(snapshot.uids) == list(range(1, count + 1))
        assert snapshot.uids[count - 1] == count
        assert snapshot.position(count) == snapshot.place(count) == count - 1
        assert snapshot.position(count + 1) is None
        assert snapshot.place(count + 1) == count


@given(st.sets(st.integers(0, 9), max_size=9))
def test_a_part_without_some_is_what_the_others_say(out: set[int]) -> None:
    modseqs = array("Q", [5, 9, 3, 7, 9, 1, 8, 2, 6, 4])
    flags = [frozenset({Flag(f"f{n % 3}")}) for n in range(10)]
    [part] = parts_of(array("I", range(10)), array("Q", range(20, 30)), modseqs, flags)
    kept = [at for at in range(10) if at not in out]
    without = part.without(sorted(out))

    assert list(without.uids) == kept
    assert list(without.messages) == [20 + at for at in kept]
    assert list(without.modseqs) == [modseqs[at] for at in kept]
    assert list(without.flags) == [flags[at] for at in kept]
    assert without.max_modseq == max(without.modseqs)
    assert (list(part.uids), part.flags) == (list(range(10)), tuple(flags))


@given(st.lists(st.integers(0, 60), unique=True), st.lists(st.integers(0, 60), unique=True))
def test_what_only_one_of_two_has_is_found_in_order(mine: list[int], theirs: list[int]) -> None:
    one, other = sorted(mine), sorted(theirs)
    left, fresh = apart(tuple(PARTS[n] for n in one), tuple(PARTS[n] for n in other))

    assert [part.uids[0] for part in left] == [n for n in one if n not in other]
    assert [part.uids[0] for part in fresh] == [n for n in other if n not in one]


@pytest.mark.parametrize("changed", [[0], [60], [17, 18], [0, 60], [], [*range(61)]])
@pytest.mark.parametrize("more", [0, 1, 16])
def test_parts_that_took_the_place_of_others_are_found(changed: list[int], more: int) -> None:
    before = tuple(PARTS[: 61 - more])
    behind = PARTS[61 - more :]
    instead = {n: dataclasses.replace(PARTS[n]) for n in changed if n < len(before)}
    after = tuple(instead.get(n, part) for n, part in enumerate(before))

    left, fresh = apart(before, (*after, *behind))

    assert left == [before[n] for n in instead]
    assert fresh == [*instead.values(), *behind]


@pytest.mark.parametrize(
    ("messages", "run"),
    [([4, 5, 6], range(4, 7)), ([4, 6, 5], range(0)), ([4, 5, 7], range(0)), ([6, 5, 4], range(0))],
)
def test_a_part_knows_whether_its_messages_follow_each_other(
    messages: list[int], run: range
) -> None:
    numbers = array("Q", messages)
    [part] = parts_of(array("I", [1, 2, 3]), numbers, numbers, [frozenset()] * 3)

    assert (part.run, part.run) == (run, run)


def test_worn_parts_are_joined() -> None:
    before = grown(8 * PART_MAX)
    worn = before.without(ModSeq(3), [uid for uid in before.uids if uid % 100])

    assert len(worn.parts) == 1
    assert list(worn.uids) == list(range(100, 8 * PART_MAX + 1, 100))


@settings(deadline=None)
@given(st.integers(0, 3000), st.lists(st.integers(1, 2500), max_size=5, unique=True))
def test_what_is_cut_off_can_be_put_back(limit: int, gone: list[int]) -> None:
    """A view shows what was told, expunged messages included, and not what came since."""
    whole = grown(2500)
    lost = whole.of_uids(sorted(gone))
    left = whole.without(ModSeq(3), [Uid(uid) for uid in gone])
    shown = left.below(Uid(limit)).with_rows(lost)

    assert list(shown.uids) == sorted({*range(1, min(limit, 2501)), *gone})


def test_what_is_not_there_has_no_position() -> None:
    snapshot = grown(3).without(ModSeq(3), [Uid(2)])

    assert [snapshot.position(uid) for uid in (0, 1, 2, 3, 4)] == [None, 0, None, 1, None]
    assert [snapshot.place(uid) for uid in (0, 1, 2, 3, 4)] == [0, 0, 1, 1, 2]


def test_nothing_changes_a_snapshot() -> None:
    assert EMPTY.uids == EMPTY.messages == EMPTY.modseqs == EMPTY.flags == ()
    with pytest.raises(dataclasses.FrozenInstanceError):
        EMPTY.uid_next = Uid(2)  # type: ignore[misc]  # which is refused


def test_snapshots_are_equal_if_they_say_the_same() -> None:
    uids = list(range(1, 1501))
    columns = (uids, uids, [2] * 1500, [NONE] * 1500)

    assert snapshot_of(UidValidity(1), Uid(1501), ModSeq(2), *columns) == grown(1500)
    assert grown(1500) != grown(1500).recent_from(Uid(7))
    assert grown(2).uids[-1] == 2
    assert grown(2).uids[0:1] == (1,)
    assert array("I", grown(2).uids) == array("I", [1, 2])


@pytest.mark.parametrize(
    "places", [[], [0], [2400], [1023, 1024], [3, 2499], [*range(5, 2500, 7)], [*range(2500)]]
)
def test_the_parts_that_places_touch_give_back_the_places(places: list[int]) -> None:
    count = 2_500
    rows = snapshot_of(
        UidValidity(1), Uid(count + 1), ModSeq(1), range(1, count + 1), range(count),
        [1] * count, [frozenset()] * count,
    )  # fmt: skip
    found = []
    for part, start, chosen in rows.touched(places):
        inside = range(len(part))[chosen] if isinstance(chosen, slice) else chosen
        found += [start + at for at in inside]

    assert found == places
    by_one = [(at, part.uids[inside]) for at, part, inside in rows.rows(places)]
    assert by_one == [(at, at + 1) for at in places]


@pytest.mark.parametrize("every", [1, 2, 3, 100, 5000])
def test_many_uids_stand_where_each_of_them_does(every: int) -> None:
    snapshot = grown(3000).without(ModSeq(3), [Uid(n) for n in range(5, 2900, 3)])
    uids = list(range(1, 4000, every))
    each = [snapshot.position(uid) for uid in uids]

    assert snapshot.places_of(uids) == [at for at in each if at is not None]
    assert EMPTY.places_of(uids) == []
    assert snapshot.places_of([]) == []
