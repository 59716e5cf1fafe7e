"""24 words stand for one seed, and anything else is told what is wrong with it."""

import json
from pathlib import Path

import pytest

from mx_core.model.errors import Refused
from mx_core.model.secret import Secret
from mx_core.notation.hashing import b2_plain
from mx_core.recovery.sheet import Sheet

VECTORS = json.loads(
    (Path(__file__).parents[3] / "vectors" / "backup" / "containers.json").read_text()
)


def test_words_and_keys_are_those_of_the_vectors() -> None:
    sheet = Sheet(Secret(bytes.fromhex(VECTORS["seed"])))

    assert sheet.words == VECTORS["words"]
    assert bytes(sheet.key.verify_key).hex() == VECTORS["recovery_pk"]
    assert b2_plain(sheet.backup_secret.public).hex() == VECTORS["backup_public_b2"]


def test_case_and_spaces_do_not_count() -> None:
    typed = "  ".join(VECTORS["words"].upper().split()) + "\n"

    assert Sheet.read(typed).seed.reveal() == bytes.fromhex(VECTORS["seed"])


def test_every_new_sheet_is_another() -> None:
    first, second = Sheet.new(), Sheet.new()

    assert first.words != second.words
    assert Sheet.read(first.words).seed.reveal() == first.seed.reveal()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda words: words[:-1], "24 words, not 23"),
        (lambda words: [*words[:4], "nosuchword", *words[5:]], "word 5 is not a word"),
        (lambda words: [words[1], words[0], *words[2:]], "swapped"),
    ],
)
def test_a_mistake_is_named(change: object, sentence: str) -> None:
    assert callable(change)
    with pytest.raises(Refused, match=sentence):
        Sheet.read(" ".join(change(VECTORS["words"].split())))
