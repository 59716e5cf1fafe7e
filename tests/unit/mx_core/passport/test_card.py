"""Cards and proofs as octets.  Spec/card §1."""

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mx_core.notation import cbor
from mx_core.passport.card import CARD_OCTETS_MAX, Card, proof_of
from tests.support.people import make_person
from tests.support.refusal import tried


def test_a_card_survives_its_encoding() -> None:
    person = make_person(epochs=3)
    person.publish_epoch(person.add())
    octets = person.card()

    card = Card.decode(octets)

    assert card.encode() == octets
    assert card.entries == tuple(person.entries)
    assert (len(card.epochs), card.log_proof) == (4, None)


def test_a_log_proof_is_carried_as_it_came() -> None:
    card = replace(Card.decode(make_person().card()), log_proof=cbor.encode({0: b"?"}))

    assert Card.decode(card.encode()) == card


def test_a_proof_is_the_card_without_its_epochs() -> None:
    octets = make_person(epochs=2).card()

    proof = Card.decode(proof_of(octets))

    assert proof == replace(Card.decode(octets), epochs=())


def test_a_card_of_the_full_chain_fits_into_the_larger_answer() -> None:
    """36 KiB of entries, and eight devices with two epochs of suite 2 each."""
    assert CARD_OCTETS_MAX > 36 * 1024 + 8 * 2 * 1500


@settings(max_examples=150, deadline=None)
@given(where=st.integers(0), octet=st.integers(1, 255))
def test_one_wrong_octet_gives_another_card_or_is_refused_with_a_class(
    where: int, octet: int
) -> None:
    octets = bytearray(CARD)
    octets[where % len(octets)] ^= octet

    card, failure = tried(lambda: Card.decode(bytes(octets)))

    assert card is None or card.encode() == octets
    assert failure in {"", "canonical", "format"}


CARD = make_person().card()
