from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.model.errors import StoreDamaged
from mx_core.notation import cbor
from mx_core.store.journal.row import (
    Op,
    PlaceName,
    PlaceNames,
    Row,
    ranges,
    read_row,
    unfold,
)

BOX = b"box"


def added(seq: int, spans: list[int]) -> Row:
    count = sum(last - first + 1 for first, last in zip(spans[::2], spans[1::2], strict=True))
    ids: dict[int, Any] = {0: spans, 1: [b"m"] * count, 2: [[]], 3: [0] * count}
    return Row(b"d", seq, seq, b"c%d" % seq, Op.ADDED, BOX, ids)


def test_a_uid_travels_as_the_row_that_gave_it_out_and_its_place_there() -> None:
    names = PlaceNames()
    named = names.travelling(added(1, [4, 6]))
    names.travelling(added(2, [9, 9]))
    expunged = names.travelling(Row(b"d", 3, 3, b"c3", Op.EXPUNGED, BOX, {0: [5, 6, 9, 9]}))

    assert named.ids[0] == [[b"c1", 0, 2]]
    assert expunged.ids[0] == [[b"c1", 1, 2], [b"c2", 0, 0]]
    assert names.name(BOX, 6) == PlaceName(b"c1", 2)


def test_flags_of_a_span_over_two_rows_travel_as_two_spans() -> None:
    names = PlaceNames()
    names.travelling(added(1, [1, 2]))
    names.travelling(added(2, [3, 4]))
    flagged = names.travelling(
        Row(b"d", 3, 3, b"c3", Op.FLAGGED, BOX, {0: [[[2, 3], ["\\Seen"], []]]})
    )

    assert flagged.ids[0] == [[[[b"c1", 1, 1], [b"c2", 0, 0]], ["\\Seen"], []]]


@pytest.mark.parametrize("spans", [[3, 3], [1, 9], [7, 7]])
def test_a_uid_that_was_never_given_out_is_damage(spans: list[int]) -> None:
    names = PlaceNames()
    names.travelling(added(1, [1, 2]))

    with pytest.raises(StoreDamaged):
        names.travelling(Row(b"d", 2, 2, b"c2", Op.EXPUNGED, BOX, {0: spans}))


@pytest.mark.parametrize(
    ("op", "ids"),
    [
        (Op.MADE, {0: "x"}),
        (Op.RENAMED, {0: 1}),
        (Op.REMOVED, {0: [[b"d"]]}),
        (Op.ADDED, {0: [1, 2], 1: [b"m"], 2: [[]], 3: [0]}),
        (Op.ADDED, {0: [1, 1], 1: [b"m"], 2: [[]], 3: [1]}),
        (Op.FLAGGED, {0: [[[1, 1], ["\\Seen"]]]}),
        (Op.EXPUNGED, {0: [2, 1]}),
        (Op.EXPUNGED, {0: [1]}),
        (Op.SUBSCRIBED, {0: "x", 1: 1}),
        (99, {}),
    ],
)
def test_a_row_without_the_shape_of_its_operation_is_damage(op: int, ids: Any) -> None:
    with pytest.raises(StoreDamaged):
        read_row((b"d", 1, 1, b"c", op, BOX, cbor.encode(ids)))


@given(st.sets(st.integers(1, 60)), st.integers(0, 5_000))
def test_ranges_are_the_runs_without_a_gap(some: set[int], more: int) -> None:
    uids = sorted(some | set(range(100, 100 + more)))
    folded: list[Any] = ranges(uids)

    assert list(unfold(folded)) == uids
    assert all(
        before + 1 < after for before, after in zip(folded[1::2], folded[2::2], strict=False)
    )
