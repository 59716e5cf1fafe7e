"""The rules of spec/journal §4, one by one, and the law that stands above them: convergence."""

import hypothesis.strategies as st
from hypothesis import given, settings

from mx_core.model.mailbox_name import INBOX
from mx_core.store.journal.merge import Merged
from mx_core.store.journal.row import Op, PlaceName, Row
from tests.support.journal_devices import Device, merged

NAMES = ["a", "a/b", "c", "c (2)"]
FIRST_NAMES = (INBOX, "Trash")
FLAGS = ["\\Seen", "\\Flagged", "$Kw"]
FIRST_RULE = "KEYWORD $NotEncrypted"
RULES = ["", "", "FLAGGED", "UNSEEN", FIRST_RULE]


def two_devices() -> tuple[Device, Device, bytes, PlaceName]:
    """Two that both know a mailbox with one message."""
    one, other = Device(b"1"), Device(b"2")
    box = one.make("a").mailbox
    place = PlaceName(one.add(box).change, 0)
    other.take_in(one.known)
    return one, other, box, place


def together(*devices: Device) -> Merged:
    return merged([row for device in devices for row in device.known])


def names_of(account: Merged) -> list[str]:
    return sorted(box.name for box in account.mailboxes.values())


def test_different_flags_that_two_devices_set_are_both_set() -> None:
    one, other, box, place = two_devices()
    one.flag(box, place, ["\\Seen"], [])
    other.flag(box, place, ["\\Flagged"], [])

    assert together(one, other).mailboxes[box].flags[place] == {"\\Seen", "\\Flagged"}


def test_of_one_flag_the_latest_word_counts() -> None:
    one, other, box, place = two_devices()
    one.flag(box, place, ["\\Seen"], [])
    other.hybrid += 5
    other.flag(box, place, [], ["\\Seen"])

    assert together(one, other).mailboxes[box].flags[place] == frozenset()


def test_expunge_beats_a_flag_that_was_set_later() -> None:
    one, other, box, place = two_devices()
    one.expunge(box, place)
    other.hybrid += 5
    other.flag(box, place, ["\\Flagged"], [])

    assert together(one, other).mailboxes[box].messages == {}


def test_deleting_a_mailbox_keeps_a_message_that_was_added_concurrently() -> None:
    one, other, box, place = two_devices()
    kept = PlaceName(other.add(box).change, 0)
    one.hybrid += 5
    one.remove(box)

    merged_box = together(one, other).mailboxes[box]
    assert merged_box.name == "a"
    assert list(merged_box.messages) == [kept]
    assert place not in merged_box.messages


def test_deleting_a_mailbox_takes_what_was_taken_in_from_others() -> None:
    one, other, box, _ = two_devices()
    other.add(box)
    one.take_in(other.known)
    one.remove(box)

    assert together(one, other).mailboxes == {}


def test_a_mailbox_that_two_delete_is_gone_although_each_had_a_message_of_its_own() -> None:
    one, other, box, _ = two_devices()
    one.add(box)
    other.add(box)
    one.remove(box)
    other.remove(box)

    assert together(one, other).mailboxes == {}


def test_of_two_mailboxes_of_one_name_the_earlier_keeps_it() -> None:
    one, other = Device(b"1"), Device(b"2")
    one.make("x")
    later = other.make("x").mailbox
    other.make("x (2)")

    account = together(one, other)
    assert names_of(account) == ["x", "x (2)", "x (3)"]
    assert account.mailboxes[later].name == "x (3)"


def test_a_suffix_never_makes_a_name_too_long() -> None:
    one, other = Device(b"1"), Device(b"2")
    one.make("ä" * 500)
    later = other.make("ä" * 500).mailbox

    name = together(one, other).mailboxes[later].name
    assert name == "ä" * 498 + " (2)"


def test_what_every_account_begins_with_is_one_mailbox_on_all_devices() -> None:
    one, other = Device(b"1"), Device(b"2")
    first = one.make(INBOX).mailbox
    second = other.make(INBOX).mailbox
    places = {PlaceName(one.add(first).change, 0), PlaceName(other.add(second).change, 0)}

    account = together(one, other)
    assert account.mailboxes.keys() == {first}
    assert account.mailboxes[first].messages.keys() == places


def test_a_device_that_joins_does_not_give_a_renamed_mailbox_its_first_name_back() -> None:
    one, other = Device(b"1"), Device(b"2")
    sent = one.make("Sent", "\\Sent").mailbox
    one.rename(sent, "Letters")
    other.hybrid = one.hybrid + 5
    other.make("Sent", "\\Sent")

    assert names_of(together(one, other)) == ["Letters"]


def test_the_first_folders_are_one_on_all_devices_too() -> None:
    one, other = Device(b"1"), Device(b"2")
    one.make("Not encrypted", rule=FIRST_RULE)
    other.make("Not encrypted", rule=FIRST_RULE)

    assert names_of(together(one, other)) == ["Not encrypted"]


def test_a_second_mailbox_of_a_first_name_is_one_of_its_own() -> None:
    device = Device(b"1")
    sent = device.make("Sent", "\\Sent").mailbox
    device.rename(sent, "Letters")
    device.make("Sent", "\\Sent")

    assert names_of(together(device)) == ["Letters", "Sent"]


def test_a_row_that_speaks_of_an_unknown_change_has_no_effect_until_that_is_known() -> None:
    one, other, box, place = two_devices()
    flagged = other.flag(box, place, ["\\Seen"], [])
    made, added = one.known

    assert merged([flagged, made]).mailboxes[box].messages == {}
    assert merged([flagged, made, added]).mailboxes[box].flags[place] == {"\\Seen"}


def test_a_span_reaches_no_further_than_the_change_it_names() -> None:
    one, _, box, place = two_devices()
    ids: dict[int, object] = {0: [[place.change, 0, 2**63]]}
    far = Row(b"3", 1, 99, b"c", Op.EXPUNGED, box, ids)

    assert merged([*one.known, far]).mailboxes[box].messages == {}


# ── convergence ──────────────────────────────────────────────────────────────────────
@st.composite
def histories(draw: st.DrawFn) -> list[Device]:
    """Devices that made changes and now and then heard of each other."""
    devices = [Device(b"%d" % n) for n in range(draw(st.integers(2, 4)))]
    for device in devices:
        device.make(INBOX)
        device.make("Trash", "\\Trash")
        device.make("Not encrypted", rule=FIRST_RULE)
    for _ in range(draw(st.integers(0, 25))):
        device = draw(st.sampled_from(devices))
        boxes = device.view().mailboxes
        mailbox = draw(st.sampled_from(sorted(boxes)))
        places = sorted(boxes[mailbox].messages)
        match draw(
            st.sampled_from(["make", "rename", "remove", "add", "add", "flag", "gone", "hear"])
        ):
            case "make":
                device.make(draw(st.sampled_from(NAMES)), rule=draw(st.sampled_from(RULES)))
            case "rename" if boxes[mailbox].name != INBOX:
                device.rename(mailbox, draw(st.sampled_from(NAMES)))
            case "remove" if boxes[mailbox].name != INBOX:
                device.remove(mailbox)
            case "add" if not boxes[mailbox].rule:  # what a folder shows is derived
                device.add(mailbox, *draw(st.sets(st.sampled_from(FLAGS))))
            case "flag" if places:
                flag = draw(st.sampled_from(FLAGS))
                lists: tuple[list[str], list[str]] = (
                    ([flag], []) if draw(st.booleans()) else ([], [flag])
                )
                device.flag(mailbox, draw(st.sampled_from(places)), *lists)
            case "gone" if places:
                device.expunge(mailbox, draw(st.sampled_from(places)))
            case "hear":
                told = draw(st.sampled_from(devices)).known
                device.take_in(draw(st.lists(st.sampled_from(told))))
                device.subscribe(draw(st.sampled_from(NAMES)), subscribed=draw(st.booleans()))
            case _:
                pass
    return devices


@settings(max_examples=60, deadline=None)
@given(devices=histories(), data=st.data())
def test_all_devices_come_to_the_same_whatever_the_order(
    devices: list[Device], data: st.DataObject
) -> None:
    rows = [row for device in devices for row in device.known]
    results = [merged(data.draw(st.permutations(rows))) for _ in devices]

    assert all(result == results[0] for result in results)


@settings(max_examples=100, deadline=None)
@given(devices=histories())
def test_nothing_is_lost_and_nothing_comes_back(devices: list[Device]) -> None:
    """Said again without the merge: one look at each place and at who knew of it."""
    rows = {
        (row.device, row.device_seq): row for device in devices for row in device.known
    }.values()
    account = together(*devices)
    there = {place for box in account.mailboxes.values() for place in box.messages}
    expunged = {row.ids[0][0][0] for row in rows if row.op is Op.EXPUNGED}
    removed = [row for row in rows if row.op is Op.REMOVED]
    same = {
        row.mailbox: row.ids[0] for row in rows if row.op is Op.MADE and row.ids[0] in FIRST_NAMES
    }
    names = [box.name for box in account.mailboxes.values()]

    assert len(set(names)) == len(names)
    for row in rows:
        if row.op is not Op.ADDED:
            continue
        place = PlaceName(row.change, 0)
        never_removed = not any(_may_take(removal, row, same) for removal in removed)
        assert place not in there or row.change not in expunged
        assert place in there or row.change in expunged or not never_removed
    rules = {row.mailbox: row.ids.get(2, "") for row in rows if row.op is Op.MADE}
    for mailbox, box in account.mailboxes.items():
        assert box.rule == rules[mailbox]
        for place, flags in box.flags.items():
            assert flags == _flags_said(rows, place)


def _may_take(removal: Row, row: Row, same: dict[bytes, str]) -> bool:
    if same.get(removal.mailbox, removal.mailbox) != same.get(row.mailbox, row.mailbox):
        return False
    known = dict(removal.ids.get(0, []))
    if removal.device == row.device:
        return row.device_seq < removal.device_seq
    return bool(known.get(row.device, 0) >= row.device_seq)


def _flags_said(rows: object, place: PlaceName) -> set[str]:
    said: set[str] = set()
    for row in sorted(rows, key=lambda row: (row.hybrid, row.device)):  # type: ignore[call-overload]  # rows
        if row.op is Op.ADDED and row.change == place.change:
            said |= set(row.ids[2][0])
        if row.op is Op.FLAGGED and row.ids[0][0][0][0][0] == place.change:
            said = (said | set(row.ids[0][0][1])) - set(row.ids[0][0][2])
    return said
