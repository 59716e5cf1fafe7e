"""The reader's verdict on a sender, from the proof or from memory.  Spec/card §5."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mx_core.directory.reader_check import SenderVerdict, Trust, verify_sender
from mx_core.passport.op import Kind, Reason
from mx_core.trust.pin import Pin
from tests.support.passport_cases.cards import claim_of, verified
from tests.support.passport_cases.readers import reader_cases
from tests.support.passport_vectors import load, outcome, vector_of
from tests.support.people import NOW, Person, domain_pk, make_person
from tests.support.refusal import tried

CLASSES = {
    *("canonical", "format", "chain", "binding", "attest-key", "attest-expired", "proof"),
    *("no-proof", "fork", "device"),
}
VECTORS = load("reader")
PROOF, CLAIM = make_person().proof(), claim_of(make_person())


def verdict(
    person: Person, pin: Pin | None = None, known_chain: bytes = b"", *, proved: bool = True
) -> SenderVerdict:
    return verify_sender(
        person.proof() if proved else None,
        claim_of(person),
        domain_keys=[domain_pk()],
        pin=pin,
        now=NOW,
        known_chain=known_chain,
    )


@pytest.mark.parametrize("vector", VECTORS, ids=[each["name"] for each in VECTORS])
def test_a_sender_is_judged_as_the_vector_says(vector: dict[str, Any]) -> None:
    assert outcome(vector) == (vector.get("result"), vector.get("failure", ""))


def test_the_committed_vectors_are_those_that_the_cases_make() -> None:
    made = [vector_of(case) for case in reader_cases()]

    assert made == VECTORS
    assert [case.trust for case in reader_cases() if not case.failure] == [
        each["result"]["trust"] for each in VECTORS if "result" in each
    ]


def test_every_refusal_class_has_a_vector() -> None:
    assert {each["failure"] for each in VECTORS if "failure" in each} == CLASSES


def test_the_verdict_names_the_key_of_the_device_that_is_claimed() -> None:
    person = make_person()
    second = person.add(Kind.LIMITED)

    found = verify_sender(
        person.proof(), claim_of(person, second.id), domain_keys=[domain_pk()], pin=None, now=NOW
    )

    assert found.sign_pk == second.device.sign_pk
    assert found.state == person.state


def test_what_is_remembered_of_the_first_mail_proves_the_second_without_a_proof() -> None:
    person = make_person()
    first = verdict(person)

    second = verdict(person, first.pin, first.chain, proved=False)

    assert (first.trust, second.trust) == (Trust.FIRST, Trust.IMPLICIT)
    assert (second.pin, second.chain) == (first.pin, first.chain)


def test_a_newer_proof_moves_the_pin_and_the_kept_chain() -> None:
    person = make_person()
    first = verdict(person)
    person.rotate()

    second = verdict(person, first.pin, first.chain)

    assert (second.pin.seq, second.chain) == (1, person.chain)
    assert [cause.value for cause in second.notes] == ["identity-rotated"]


def test_a_held_sender_moves_nothing() -> None:
    person = make_person()
    pin, chain = verified(person.pin()), person.chain
    person.remove(person.add(), Reason.STOLEN, NOW)

    held = verdict(person, pin, chain)

    assert held.trust is Trust.HELD
    assert (held.pin, held.chain) == (pin, chain)


def test_a_mail_sealed_before_a_change_does_not_move_the_pin_back() -> None:
    person = make_person()
    older_proof, older_claim = person.proof(), claim_of(person)
    person.rotate()
    pin, chain = person.pin(), person.chain

    found = verify_sender(
        older_proof,
        older_claim,
        domain_keys=[domain_pk()],
        pin=pin,
        now=NOW,
        known_chain=chain,
    )

    assert found.trust is Trust.IMPLICIT
    assert (found.pin, found.chain) == (pin, chain)


def test_a_damaged_cache_is_no_memory_and_no_crash() -> None:
    person = make_person()

    for chain in (b"?", b"\x80", make_person("bob@a.example").chain):
        _, failure = tried(lambda chain=chain: verdict(person, person.pin(), chain, proved=False))  # type: ignore[misc]  # bound now

        assert failure == "no-proof"


def test_an_attestation_may_run_out_while_the_mail_waits() -> None:
    late = NOW + 400 * 86_400
    found = verify_sender(PROOF, CLAIM, domain_keys=[domain_pk()], pin=None, now=late)
    afterwards = replace(CLAIM, created=late)

    assert found.trust is Trust.FIRST
    _, failure = tried(
        lambda: verify_sender(PROOF, afterwards, domain_keys=[domain_pk()], pin=None, now=late)
    )
    assert failure == "attest-expired"


@settings(max_examples=200, deadline=None)
@given(where=st.integers(0), octet=st.integers(1, 255))
def test_one_wrong_octet_of_a_proof_is_refused_with_a_class(where: int, octet: int) -> None:
    altered = bytearray(PROOF)
    altered[where % len(altered)] ^= octet

    found, failure = tried(
        lambda: verify_sender(bytes(altered), CLAIM, domain_keys=[domain_pk()], pin=None, now=NOW)
    )

    assert found is None
    assert failure in CLASSES
