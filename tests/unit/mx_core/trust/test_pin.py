"""What is remembered of a contact, and how it moves.  Spec/card §6."""

import pytest
from msgspec.structs import replace

from mx_core.model.errors import StoreDamaged
from mx_core.notation import cbor
from mx_core.passport import make
from mx_core.trust.pin import (
    LogView,
    PendingHeld,
    Pin,
    Tier,
    accept,
    advance,
    first_use,
)
from tests.support.people import NOW, key_of, make_person

FULL = Pin(
    make_person().pid,
    127,
    bytes(32),
    map_version=2**32 - 1,
    log=LogView("o" * 300, 2**63, bytes(32)),
    highest_suite=2,
    tier=Tier.VERIFIED,
    pending=PendingHeld(127, 2**40),
)


def altered(key: int, value: cbor.Value) -> bytes:
    fields = cbor.decode(FULL.encode())
    assert isinstance(fields, dict)
    return cbor.encode({**fields, key: value})


def test_the_largest_pin_is_within_two_kilobytes_and_survives_its_encoding() -> None:
    octets = FULL.encode()
    read = Pin.decode(octets)

    assert len(octets) <= 2048
    assert read == FULL


def test_a_pin_of_first_use_is_implicit() -> None:
    person = make_person()
    pin = first_use(person.state, now=NOW)

    assert (pin.pid, pin.seq, pin.head) == (person.pid, 0, person.state.head)
    assert pin.tier is Tier.IMPLICIT
    assert Pin.decode(pin.encode()) == pin


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\xa0",
        bytes(2049),
        cbor.encode({0: 2}),
        FULL.encode()[:-1],
        altered(7, 4),
        altered(5, [7, 1, bytes(32)]),
        altered(5, ["o" * 301, 1, bytes(32)]),
        altered(8, 1),
        altered(11, [1]),
        altered(11, 1),
    ],
)
def test_what_is_no_pin_is_damage_of_our_own_store(octets: bytes) -> None:
    with pytest.raises(StoreDamaged):
        Pin.decode(octets)


def test_a_pin_moves_with_the_passport_and_keeps_what_was_said_of_the_person() -> None:
    person = make_person()
    pin = replace(person.pin(), tier=Tier.VERIFIED)
    person.rotate()

    moved = advance(pin, person.state, now=NOW, suite=2)

    assert (moved.seq, moved.head) == (1, person.state.head)
    assert moved.tier is Tier.VERIFIED
    assert moved.highest_suite == 2
    assert advance(moved, person.state, now=NOW).highest_suite == 2


def test_an_older_state_does_not_move_a_pin_back() -> None:
    person = make_person()
    older = person.state
    person.rotate()
    pin = person.pin()

    assert advance(pin, older, now=NOW) == pin


def test_another_pid_begins_again_at_implicit() -> None:
    bob = make_person("bob@a.example")

    assert advance(FULL, bob.state, now=NOW) == first_use(bob.state, now=NOW)


def test_a_pin_remembers_since_when_a_delayed_sheet_is_named() -> None:
    person = make_person()
    pin = person.pin()
    person.entries.append(
        make.change_recovery(person.state, person.writer(), key_of("s"), NOW, old=None)
    )
    learnt = advance(pin, person.state, now=NOW + 5)
    later = advance(learnt, person.state, now=NOW + 500)

    assert pin.pending is None
    assert learnt.pending == PendingHeld(1, NOW + 5)
    assert later.pending == PendingHeld(1, NOW + 5)
    assert Pin.decode(later.encode()) == later


def test_a_pin_forgets_a_delayed_sheet_that_the_old_one_cancelled() -> None:
    person = make_person()
    sheets = key_of("s"), key_of("t")
    person.entries.append(
        make.change_recovery(person.state, person.writer(), sheets[0], NOW, old=None)
    )
    pin = person.pin()
    person.entries.append(
        make.change_recovery(person.state, person.writer(), sheets[1], NOW, old=person.recovery)
    )

    assert advance(pin, person.state, now=NOW).pending is None


def test_accepting_the_same_person_keeps_the_verification_and_takes_any_state() -> None:
    person = make_person()
    older = person.state
    person.rotate()
    pin = replace(person.pin(), tier=Tier.VERIFIED, highest_suite=2, map_version=7)

    accepted = accept(pin, older, now=NOW, suite=1, map_version=1)

    assert (accepted.seq, accepted.head, accepted.highest_suite) == (0, older.head, 1)
    assert accepted.map_version == 1, "a log that was set back may show less"
    assert accepted.tier is Tier.VERIFIED


def test_accepting_another_person_begins_at_first_use() -> None:
    bob = make_person("bob@a.example")

    assert accept(FULL, bob.state, now=NOW) == first_use(bob.state, now=NOW)
