"""The table of what a change does, row by row.  Spec/card §6."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mx_core.model.ids import Pid
from mx_core.passport.op import Extension, Kind, Reason
from mx_core.trust.decide import Cause, Level, causes_between, conflict_with, decide
from mx_core.trust.pin import Pin, Tier
from tests.support.people import NOW, Person, make_person


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
    ],
)
def test_a_change_does_what_the_table_says(
    change: Callable[[Person], None], implicit: Level, verified: Level, key_changed: bool
) -> None:
    person = make_person()
    person.add(Kind.LIMITED)
    pin = person.pin()
    change(person)

    levels = [
        decide(replace(pin, tier=tier), person.state).level
        for tier in (Tier.IMPLICIT, Tier.ENDORSED, Tier.VERIFIED)
    ]

    assert levels == [implicit, verified, verified]
    assert decide(pin, person.state).key_changed == key_changed


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

    decision = decide(pin, person.state, suite=0)

    assert conflict_with(pin, person.state) is cause
    assert (decision.level, decision.causes) == (Level.HOLD, (cause,))
    assert decision.holds


def test_a_lower_suite_than_ever_seen_is_a_change_of_keys() -> None:
    person = make_person()
    pin = replace(person.pin(), highest_suite=2)

    assert decide(pin, person.state).level is Level.QUIET
    assert decide(pin, person.state, suite=2).level is Level.QUIET
    dropped = decide(pin, person.state, suite=1)
    assert (dropped.level, dropped.key_changed) == (Level.NOTE, True)
    assert decide(replace(pin, tier=Tier.VERIFIED), person.state, suite=1).holds


def test_each_cause_is_told_once_in_the_order_of_the_entries() -> None:
    person = make_person()
    pin = person.pin()
    person.rotate()
    person.add()
    person.add()
    person.remove(person.devices[1], Reason.STOLEN, NOW)

    assert causes_between(pin, person.state) == (
        Cause.IDENTITY_ROTATED,
        Cause.DEVICE_ADDED,
        Cause.DEVICE_STOLEN,
    )


def test_what_lies_before_the_pin_is_not_told_again() -> None:
    person = make_person()
    person.remove(person.add(), Reason.STOLEN, NOW)

    assert decide(person.pin(), person.state).causes == ()
