from typing import Any

import pytest

from mx_core.model.errors import StoreDamaged
from mx_core.store.journal.merge import Merge
from mx_core.store.journal.replay import replay
from mx_core.store.journal.row import Op, PlaceNames, Row

BOX = b"box"


def rows(*changes: tuple[Op, Any]) -> list[Row]:
    made = (Op.MADE, {0: "a", 1: ""})
    return [
        Row(b"d", seq, seq, b"c%d" % seq, op, b"" if op is Op.SUBSCRIBED else BOX, ids)
        for seq, (op, ids) in enumerate((made, *changes), 1)
    ]


def put(first: int, last: int, *flags: str) -> tuple[Op, Any]:
    count = last - first + 1
    messages = [b"m%d" % uid for uid in range(first, last + 1)]
    return Op.ADDED, {0: [first, last], 1: messages, 2: [list(flags)], 3: [0] * count}


STORY = rows(
    put(1, 3, "\\Seen"),
    (Op.FLAGGED, {0: [[[1, 2], ["\\Deleted"], ["\\Seen"]]]}),
    (Op.EXPUNGED, {0: [1, 1]}),
    (Op.RENAMED, {0: "b"}),
    (Op.SUBSCRIBED, {0: "b", 1: True}),
    put(4, 4),
)


def test_the_rows_come_to_the_state_that_they_tell() -> None:
    told = replay(STORY)
    box = told.mailboxes[BOX]

    assert (box.name, box.last_uid, told.subscriptions, told.last_row) == ("b", 4, {"b"}, 7)
    assert box.messages == {2: b"m2", 3: b"m3", 4: b"m4"}
    assert box.flags == {2: {"\\Deleted"}, 3: {"\\Seen"}, 4: frozenset()}


def test_replaying_and_merging_the_rows_of_one_device_come_to_the_same() -> None:
    names, merge = PlaceNames(), Merge()
    merge.take([names.travelling(row) for row in STORY])
    box, merged = replay(STORY).mailboxes[BOX], merge.result().mailboxes[BOX]

    assert {names.name(BOX, uid): flags for uid, flags in box.flags.items()} == merged.flags
    assert {names.name(BOX, uid): ident for uid, ident in box.messages.items()} == merged.messages


@pytest.mark.parametrize(
    "wrong",
    [
        STORY[:3] + STORY[4:],
        rows((Op.EXPUNGED, {0: [1, 1]})),
        rows((Op.FLAGGED, {0: [[[1, 1], ["\\Seen"], []]]})),
        rows(put(2, 2), put(2, 3)),
    ],
    ids=["a row is missing", "expunges nothing", "flags nothing", "a UID twice"],
)
def test_rows_that_do_not_follow_from_those_before_are_damage(wrong: list[Row]) -> None:
    with pytest.raises(StoreDamaged):
        replay(wrong)
