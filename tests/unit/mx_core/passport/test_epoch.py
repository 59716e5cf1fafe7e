"""Epoch statements and which one a sender takes.  Spec/card §3."""

from typing import Any

import pytest
from msgspec.structs import replace

from mx_core.model.errors import Untrusted
from mx_core.notation.xwing import XWingSecret
from mx_core.passport.epoch import (
    Chosen,
    Epoch,
    choose_epochs,
    deletable_from,
    new_epoch,
    renewal_due,
    sign_epoch,
    verify_epoch,
)
from mx_core.passport.op import Kind
from tests.support.passport_cases.epochs import epoch_cases
from tests.support.passport_vectors import load, outcome, vector_of
from tests.support.people import DAY, NOW, Person, make_person

VECTORS = load("epoch")
XWING = XWingSecret(bytes(32)).public
BEGIN = NOW - DAY  # of the first epoch
END = BEGIN + 14 * DAY


@pytest.mark.parametrize("vector", VECTORS, ids=[each["name"] for each in VECTORS])
def test_an_epoch_verifies_or_is_refused_as_its_vector_says(vector: dict[str, Any]) -> None:
    assert outcome(vector) == (vector.get("result"), vector.get("failure", ""))


def test_the_committed_vectors_are_those_that_the_cases_make() -> None:
    assert [vector_of(case) for case in epoch_cases()] == VECTORS


@pytest.mark.parametrize("xwing", [None, XWING])
def test_an_epoch_survives_its_encoding(xwing: bytes | None) -> None:
    person = make_person()
    epoch = Epoch(person.pid, person.first.id, 3, b"\x09" + bytes(31), NOW, xwing)

    assert Epoch.decode(epoch.encode()) == epoch
    assert verify_epoch(sign_epoch(person.first.key, epoch), person.state) == epoch


def test_what_was_believed_of_one_key_is_not_believed_of_another() -> None:
    """The check is remembered; with what else it is judged by is not."""
    person, other = make_person(), make_person("other@b.example")
    signed = person.first.epochs[0][2]
    verify_epoch(signed, person.state)
    device = replace(person.first.device, sign_pk=other.first.device.sign_pk)
    [record] = person.state.devices
    swapped = replace(person.state, devices=(replace(record, device=device),))
    second = person.add()
    person.remove(person.first, by=second)

    for state, failure in (
        (swapped, "bad-signature"),
        (other.state, "pid"),
        (person.state, "signer"),
    ):
        with pytest.raises(Untrusted) as told:
            verify_epoch(signed, state)
        assert told.value.failure == failure


def test_a_new_epoch_begins_a_day_ago_and_lives_fourteen_days() -> None:
    person = make_person()
    epoch = new_epoch(person.pid, person.first.id, 1, bytes(32), NOW)

    assert (epoch.not_before, epoch.not_after) == (BEGIN, END)
    assert new_epoch(person.pid, person.first.id, 1, bytes(32), 5).not_before == 0


def test_a_device_publishes_the_next_epoch_after_seven_days() -> None:
    person = make_person()
    epoch = new_epoch(person.pid, person.first.id, 1, bytes(32), NOW)

    assert not renewal_due(epoch, BEGIN + 7 * DAY - 1)
    assert renewal_due(epoch, BEGIN + 7 * DAY)


def test_a_key_is_kept_six_days_after_its_end_and_after_its_successor_is_known() -> None:
    assert deletable_from(END, next_acknowledged=END - 10 * DAY) == END + 6 * DAY
    assert deletable_from(END, next_acknowledged=END) == END + 7 * DAY


# ── the sender's choice ──────────────────────────────────────────────────────────────
def choice(person: Person, now: int, card_age: float = 0) -> list[tuple[int, int, bool]]:
    """Return (device number, n, reduced) of each chosen epoch."""
    signed = [each[2] for owner in person.devices for each in owner.epochs]
    number = {owner.id: index for index, owner in enumerate(person.devices)}
    chosen = choose_epochs(person.state, signed, now, card_age)
    return sorted((number[each.device_id], each.n, each.reduced) for each in chosen)


def test_the_newest_epoch_that_has_begun_is_taken() -> None:
    person = make_person(epochs=2)
    person.publish_epoch(at=NOW + 2 * DAY)

    assert choice(person, NOW) == [(0, 2, False)]
    assert choice(person, NOW + DAY - 1) == [(0, 2, False)]
    assert choice(person, NOW + DAY) == [(0, 3, False)]


def test_a_higher_number_wins_even_if_it_began_earlier() -> None:
    person = make_person()
    person.publish_epoch(at=NOW - 3 * DAY)

    assert choice(person, NOW) == [(0, 2, False)]


def test_past_its_time_an_epoch_serves_with_reduced_forward_secrecy() -> None:
    person = make_person()

    assert choice(person, END) == [(0, 1, False)]
    assert choice(person, END + 1) == [(0, 1, True)]
    assert choice(person, END + 1000 * DAY) == [(0, 1, True)]


def test_a_device_asleep_for_sixty_days_is_skipped_if_another_is_fresh() -> None:
    person = make_person()
    second = person.add(Kind.LIMITED)
    awake = END + 60 * DAY
    person.publish_epoch(second, at=awake)

    assert choice(person, awake) == [(0, 1, True), (1, 1, False)]
    assert choice(person, awake + 1) == [(1, 1, False)]


def test_two_devices_asleep_are_both_sealed_to() -> None:
    person = make_person()
    person.publish_epoch(person.add(Kind.LIMITED))

    assert choice(person, END + 90 * DAY) == [(0, 1, True), (1, 1, True)]


def test_an_old_card_serves_only_inside_the_time_of_its_epochs() -> None:
    person = make_person()

    assert choice(person, END, card_age=10 * DAY) == [(0, 1, False)]
    assert choice(person, END + 1, card_age=DAY) == [(0, 1, True)]
    assert choice(person, END + 1, card_age=DAY + 1) == []


def test_an_epoch_of_a_removed_device_does_not_count() -> None:
    person = make_person()
    second = person.add()
    person.publish_epoch(second)
    person.remove(second)

    assert choice(person, NOW) == [(0, 1, False)]


def test_what_does_not_verify_does_not_count() -> None:
    person = make_person()
    good = person.first.epochs[0][2]

    chosen = choose_epochs(person.state, [b"", good[:-1] + bytes([good[-1] ^ 1]), good], NOW, 0)

    assert [each.n for each in chosen] == [1]


def test_the_choice_is_ordered_by_device_and_carries_both_keys() -> None:
    person = make_person(epochs=0)
    person.add()
    signed = []
    for owner in person.devices:
        epoch = new_epoch(person.pid, owner.id, 1, b"\x09" + bytes(31), NOW)
        signed.append(sign_epoch(owner.key, replace(epoch, xwing=XWING)))

    chosen = choose_epochs(person.state, signed, NOW, 0)

    assert [each.device_id for each in chosen] == sorted(owner.id for owner in person.devices)
    assert chosen[0] == Chosen(
        chosen[0].device_id, 1, b"\x09" + bytes(31), reduced=False, suite=2, xwing=XWING
    )
