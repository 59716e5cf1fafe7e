"""The table of what a change does, row by row.  Spec/card §6."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from nacl.signing import SigningKey

from mx_core.model.address import Address
from mx_core.model.ids import DeviceId, Pid
from mx_core.passport import make
from mx_core.passport.op import Extension, Kind, Profile, Reason
from mx_core.trust.decide import Cause, Level, causes_between, conflict_with, decide
from mx_core.trust.pin import Pin, Tier, first_use
from tests.support.people import DAY, NOW, Person, key_of, make_person

SHEET = key_of("another sheet")
ELSEWHERE = Address("alice", "b.example")


def add(person: Person) -> None:
    person.add(Kind.LIMITED)


def retire(person: Person) -> None:
    person.remove(person.devices[1])


def lose(person: Person) -> None:
    person.remove(person.devices[1], Reason.LOST, NOW)


def steal(person: Person) -> None:
    person.remove(person.devices[1], Reason.STOLEN, NOW)


def rotate(person: Person) -> None:
    person.rotate()


def extension(person: Person) -> None:
    person.entries.append(person.write(Extension(128, {})))


def nothing(person: Person) -> None:
    pass


def describe(person: Person) -> None:
    profile = Profile(suite_floor=2, receipts=True)
    person.entries.append(make.set_profile(person.state, person.writer(), profile, person.now))


def lower_the_floor(person: Person) -> None:
    person.entries.append(make.set_profile(person.state, person.writer(), Profile(), person.now))


def change_the_sheet(person: Person) -> None:
    person.entries.append(
        make.change_recovery(person.state, person.writer(), SHEET, person.now, old=person.recovery)
    )


def lose_the_sheet(person: Person) -> None:
    person.entries.append(
        make.change_recovery(person.state, person.writer(), SHEET, person.now, old=None)
    )


def move(person: Person, sheet: SigningKey | None = None) -> None:
    key = sheet or person.recovery
    person.entries.append(make.move(person.state, person.writer(), ELSEWHERE, key, person.now))


def recover(person: Person) -> None:
    new = make.NewKeys(DeviceId(b"n" * 16), key_of("d"), key_of("i"), key_of("r"))
    person.entries.append(make.recover(person.state, person.recovery, new, [], person.now))


def end(person: Person) -> None:
    person.entries.append(make.end(person.state, person.writer(), person.recovery, person.now))


@pytest.mark.parametrize(
    ("change", "implicit", "verified", "key_changed"),
    [
        (nothing, Level.QUIET, Level.QUIET, False),
        (extension, Level.QUIET, Level.QUIET, False),
        (add, Level.STATUS, Level.NOTE, False),
        (retire, Level.STATUS, Level.NOTE, False),
        (rotate, Level.NOTE, Level.NOTE, False),
        (lose, Level.NOTE, Level.HOLD, True),
        (steal, Level.NOTE, Level.HOLD, True),
        (describe, Level.STATUS, Level.NOTE, False),
        (lower_the_floor, Level.NOTE, Level.HOLD, True),
        (change_the_sheet, Level.STATUS, Level.NOTE, False),
        (lose_the_sheet, Level.STATUS, Level.NOTE, False),
        (move, Level.NOTE, Level.NOTE, False),
        (recover, Level.NOTE, Level.HOLD, True),
        (end, Level.HOLD, Level.HOLD, False),
    ],
)
def test_a_change_does_what_the_table_says(
    change: Callable[[Person], None], implicit: Level, verified: Level, key_changed: bool
) -> None:
    person = make_person()
    person.add(Kind.LIMITED)
    describe(person)
    pin = person.pin()
    change(person)

    levels = [
        decide(replace(pin, tier=tier), person.state, now=NOW).level
        for tier in (Tier.IMPLICIT, Tier.ENDORSED, Tier.VERIFIED)
    ]

    assert levels == [implicit, verified, verified]
    assert decide(pin, person.state, now=NOW).key_changed == key_changed


def pinned_elsewhere(pin: Pin) -> Pin:
    return replace(pin, pid=Pid(bytes(32)))


def pinned_later(pin: Pin) -> Pin:
    return replace(pin, seq=9)


def pinned_otherwise(pin: Pin) -> Pin:
    return replace(pin, head=bytes(32))


@pytest.mark.parametrize(
    ("contradiction", "cause"),
    [
        (pinned_elsewhere, Cause.OTHER_PID),
        (pinned_later, Cause.ROLLBACK),
        (pinned_otherwise, Cause.FORK),
    ],
)
def test_a_contradiction_always_holds_and_is_told_alone(
    contradiction: Callable[[Pin], Pin], cause: Cause
) -> None:
    person = make_person()
    pin = contradiction(person.pin())
    person.rotate()

    decision = decide(pin, person.state, now=NOW, suite=0)

    assert conflict_with(pin, person.state) is cause
    assert (decision.level, decision.causes) == (Level.HOLD, (cause,))
    assert decision.holds


def test_a_lower_suite_than_ever_seen_is_a_change_of_keys() -> None:
    person = make_person()
    pin = replace(person.pin(), highest_suite=2)

    assert decide(pin, person.state, now=NOW).level is Level.QUIET
    assert decide(pin, person.state, now=NOW, suite=2).level is Level.QUIET
    dropped = decide(pin, person.state, now=NOW, suite=1)
    assert (dropped.level, dropped.key_changed) == (Level.NOTE, True)
    assert decide(replace(pin, tier=Tier.VERIFIED), person.state, now=NOW, suite=1).holds


def test_each_cause_is_told_once_in_the_order_of_the_entries() -> None:
    person = make_person()
    pin = person.pin()
    person.rotate()
    person.add()
    person.add()
    person.remove(person.devices[1], Reason.STOLEN, NOW)

    assert causes_between(pin, person.state, now=NOW) == (
        Cause.IDENTITY_ROTATED,
        Cause.DEVICE_ADDED,
        Cause.DEVICE_STOLEN,
    )


def test_what_lies_before_the_pin_is_not_told_again() -> None:
    person = make_person()
    person.remove(person.add(), Reason.STOLEN, NOW)

    assert decide(person.pin(), person.state, now=NOW).causes == ()


@pytest.mark.parametrize(
    ("held_days", "level"), [(0, Level.HOLD), (29, Level.HOLD), (30, Level.NOTE), (400, Level.NOTE)]
)
def test_what_a_delayed_sheet_does_holds_unless_its_naming_was_held_for_30_days(
    held_days: int, level: Level
) -> None:
    """A thief who has a full device could date the naming back; who held it since then knows."""
    person = make_person()
    lose_the_sheet(person)
    learnt = NOW + (500 - held_days) * DAY
    pin = first_use(person.state, now=learnt)
    person.now = NOW + 500 * DAY
    move(person, SHEET)

    assert decide(pin, person.state, now=person.now).level is level


def test_who_never_held_the_naming_of_a_delayed_sheet_holds_what_it_does() -> None:
    person = make_person()
    pin = person.pin()
    lose_the_sheet(person)
    person.now = NOW + 40 * DAY
    move(person, SHEET)
    decision = decide(pin, person.state, now=person.now)

    assert decision.holds
    assert Cause.DELAYED_KEY_USED in decision.causes
