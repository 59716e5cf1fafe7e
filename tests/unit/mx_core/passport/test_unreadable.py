"""The word that an envelope cannot be opened: its octets, and who may say it.  spec/unreadable §2."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.model.errors import Untrusted
from mx_core.model.ids import EnvId
from mx_core.passport.chain import verify_chain
from mx_core.passport.entry import decode_chain
from mx_core.passport.unreadable import SIGNED_OCTETS_MAX, SignedUnreadable
from tests.support.people import NOW, make_person
from tests.vectors.unreadable.make import vectors

ROOT = Path(__file__).resolve().parents[4]
TOLD: dict[str, Any] = json.loads((ROOT / "tests/vectors/unreadable/unreadable.json").read_text())
STATE = verify_chain(decode_chain(bytes.fromhex(TOLD["chain"])), now=NOW)
ENV_ID = EnvId(bytes.fromhex(TOLD["env_id"]))
GOOD = bytes.fromhex(TOLD["signed"])


def test_the_vectors_are_what_is_made() -> None:
    assert vectors() == TOLD


def test_a_word_of_a_present_device_about_this_envelope_holds() -> None:
    word = SignedUnreadable.decode(GOOD, ENV_ID)
    word.verify(STATE)

    assert word.told.device_id.hex() == TOLD["device_id"]
    assert word.statement.hex() == TOLD["statement"]
    assert len(GOOD) <= SIGNED_OCTETS_MAX


@pytest.mark.parametrize(
    ("failure", "word"), [(name, one) for name, words in TOLD["bad"].items() for one in words]
)
def test_each_that_does_not_hold_has_its_class(failure: str, word: str) -> None:
    with pytest.raises(Untrusted) as caught:
        SignedUnreadable.decode(bytes.fromhex(word), ENV_ID).verify(STATE)

    assert caught.value.failure == failure


def test_a_device_that_was_removed_says_nothing_any_more() -> None:
    bob = make_person("bob@b.example")
    bob.add()
    bob.remove(bob.first, by=bob.devices[1])

    with pytest.raises(Untrusted) as caught:
        SignedUnreadable.decode(GOOD, ENV_ID).verify(bob.state)
    assert caught.value.failure == "signer"


@given(where=st.integers(0), octet=st.binary(min_size=1, max_size=1))
def test_one_wrong_octet_is_refused_and_raises_nothing_else(where: int, octet: bytes) -> None:
    at = where % len(GOOD)
    word = GOOD[:at] + octet + GOOD[at + 1 :]
    if word == GOOD:
        return

    with pytest.raises(Untrusted):
        SignedUnreadable.decode(word, ENV_ID).verify(STATE)
