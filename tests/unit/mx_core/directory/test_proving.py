"""What a card proves by itself; each step's class comes in the order of the steps.  Spec/card §4."""

import pytest
from msgspec.structs import replace

from mx_core.directory.proving import prove
from mx_core.model.errors import Untrusted
from mx_core.notation import cbor
from mx_core.passport.binding import Binding, attest
from mx_core.passport.card import Card
from tests.support.people import DAY, NOW, domain_key, domain_pk, key_of, make_person

BOB = make_person("bob@a.example")


def failure_of(card: Card, *, judged_at: float = NOW) -> str:
    with pytest.raises(Untrusted) as refused:
        prove(
            card,
            name=make_person().address,
            domain_keys=[domain_pk()],
            now=NOW,
            judged_at=judged_at,
            log=None,
        )
    return refused.value.failure


def test_of_several_faults_the_first_step_names_the_class() -> None:
    """Each fault is added to those of the later steps, from the last step to the first."""
    card = replace(Card.decode(make_person().card()), log_proof=cbor.encode({}))
    assert failure_of(card) == "proof"

    card = replace(card, attestation=attest(domain_key(), Binding.of(BOB.state), NOW - 40 * DAY))
    assert failure_of(card, judged_at=NOW - 40 * DAY) == "binding"
    assert failure_of(card) == "attest-expired"

    binding = Binding.of(BOB.state)
    card = replace(card, attestation=attest(key_of("stranger"), binding, NOW - 40 * DAY))
    assert failure_of(card) == "attest-key"

    card = replace(card, address=BOB.address)
    assert failure_of(card) == "binding"

    assert failure_of(replace(card, entries=(b"\x80",))) == "chain"


def test_the_cause_of_a_refused_chain_is_kept() -> None:
    card = replace(Card.decode(make_person().card()), entries=(b"\x80",))

    with pytest.raises(Untrusted) as refused:
        prove(
            card,
            name=card.address,
            domain_keys=[],
            now=NOW,
            judged_at=NOW,
            log=None,
        )

    assert isinstance(refused.value.__cause__, Untrusted)
    assert refused.value.__cause__.failure == "format"
