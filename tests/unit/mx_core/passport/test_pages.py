"""The spec pages show what the code makes, and name every class that it refuses with."""

from pathlib import Path

from tests.support.passport_example import card, card_page, passport_page
from tests.support.passport_vectors import load

SPEC = Path(__file__).parents[4] / "docs" / "spec"
PASSPORT, CARD = (SPEC / "passport.md").read_text(), (SPEC / "card.md").read_text()


def test_the_example_of_the_passport_page_is_what_its_seeds_make() -> None:
    text = "".join(PASSPORT.split())

    assert [name for name, octets in passport_page().items() if octets.hex() not in text] == []


def test_the_example_of_the_card_page_is_what_its_seeds_make() -> None:
    text = "".join(CARD.split())
    sizes = (len(card().encode()), len(card().without_epochs().encode()))

    assert [name for name, octets in card_page().items() if octets.hex() not in text] == []
    assert sizes == (899, 725)


def test_every_class_of_the_vectors_is_on_its_page() -> None:
    for page, groups in ((PASSPORT, ["chain"]), (CARD, ["epoch", "card", "reader"])):
        for group in groups:
            for vector in load(group):
                assert f"`{vector.get('failure', 'format')}`" in page
