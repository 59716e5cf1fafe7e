"""The sender's nine steps.  Spec/card §4."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mx_core.directory.sender_check import SUITE_KNOWN, Recipient, common_suite, verify_card
from mx_core.model.errors import NoUsableEpoch
from mx_core.passport.entry import decode_chain
from mx_core.passport.epoch import Chosen
from mx_core.passport.op import Profile
from mx_core.trust.decide import Level
from mx_core.trust.pin import Pin, Tier
from tests.support.passport_cases.cards import card_cases
from tests.support.passport_vectors import load, outcome, vector_of
from tests.support.people import NOW, Person, domain_pk, make_person
from tests.support.refusal import tried

CLASSES = {
    *("size", "canonical", "format", "chain", "binding", "attest-key", "attest-expired", "proof"),
    *("other-pid", "rollback", "fork", "no-epoch", "needs-consent"),
    *("moved", "ended", "suite"),
}  # `stale` needs a log
VECTORS = load("card")
CARD = make_person().card()


def verified(person: Person, pin: Pin | None = None) -> Recipient:
    return verify_card(
        person.card(), asked=person.address, domain_keys=[domain_pk()], pin=pin, now=NOW
    )


@pytest.mark.parametrize("vector", VECTORS, ids=[each["name"] for each in VECTORS])
def test_a_card_is_judged_as_its_vector_says(vector: dict[str, Any]) -> None:
    assert outcome(vector) == (vector.get("result"), vector.get("failure", ""))


def test_the_committed_vectors_are_those_that_the_cases_make() -> None:
    assert [vector_of(case) for case in card_cases()] == VECTORS


def test_every_refusal_class_has_a_vector() -> None:
    assert {each["failure"] for each in VECTORS if "failure" in each} == CLASSES


def test_the_record_is_that_of_the_card() -> None:
    person = make_person()
    found = verified(person)

    assert (found.pid, found.seq, found.head) == (person.pid, 0, person.state.head)
    assert (found.address, found.suite, found.profile) == (person.address, 1, Profile())
    assert found.devices == (
        Chosen(person.first.id, 1, bytes(person.first.epochs[0][1].public_key), reduced=False),
    )
    assert [each.octets for each in decode_chain(found.chain)] == person.entries


def test_what_is_kept_after_one_card_judges_the_next() -> None:
    person = make_person()
    first = verified(person)
    person.rotate()
    second = verified(person, first.pin)

    assert first.decision.level is Level.QUIET
    assert second.decision.level is Level.NOTE
    assert verified(person, second.pin).decision.level is Level.QUIET


def test_accepting_another_passport_begins_again_at_first_use() -> None:
    """What the gateway does when the person accepts: the card is judged without the old pin."""
    old = replace(make_person("x@a.example").pin(), tier=Tier.VERIFIED)

    assert verified(make_person(), None).pin.tier is Tier.IMPLICIT
    assert tried(lambda: verified(make_person(), old))[1] == "other-pid"


def chosen(suite: int) -> Chosen:
    return Chosen(make_person().first.id, 1, bytes(32), reduced=False, suite=suite)


def test_the_suite_is_the_highest_that_all_devices_and_we_have() -> None:
    assert common_suite(Profile(), [chosen(2), chosen(1)]) == 1
    assert common_suite(Profile(), [chosen(2)]) == SUITE_KNOWN


def test_a_suite_below_the_floor_is_refused() -> None:
    assert tried(lambda: common_suite(Profile(suite_floor=2), [chosen(1)])) == (None, "suite")


@settings(max_examples=200, deadline=None)
@given(where=st.integers(0), octet=st.integers(1, 255))
def test_one_wrong_octet_is_refused_with_a_class_and_never_another_exception(
    where: int, octet: int
) -> None:
    altered = bytearray(CARD)
    altered[where % len(altered)] ^= octet

    try:
        found, failure = tried(
            lambda: verify_card(
                bytes(altered),
                asked=make_person().address,
                domain_keys=[domain_pk()],
                pin=None,
                now=NOW,
            )
        )
    except NoUsableEpoch:
        found, failure = None, "no-epoch"

    assert found is None
    assert failure in CLASSES
