"""The answers that an independent program computed from docs/spec/admission.md alone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from mx_core.admission import postage, tag_list, token

FILE = Path(__file__).resolve().parents[3] / "vectors" / "admission" / "admission.json"


@pytest.fixture(scope="module")
def known() -> dict[str, Any]:
    answers: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return answers


def test_tag_and_tokens(known: dict[str, Any]) -> None:
    tag = token.tag_of(bytes.fromhex(known["secret"]), token.week_of(known["now"]))
    env_id = bytes.fromhex(known["env_id"])

    assert token.week_of(known["now"]) == known["week"]
    assert tag.hex() == known["tag"]
    assert token.token_for(tag, env_id, known["deliver_by"]).hex() == known["token"]
    assert token.look_up_token(tag, known["address"]).hex() == known["look_up_token"]


def test_list_of_one_contact(known: dict[str, Any]) -> None:
    tags = tag_list.tag_list(
        [bytes.fromhex(known["secret"])], bytes.fromhex(known["filler"]), known["now"]
    )

    assert hashlib.blake2b(b"".join(tags), digest_size=32).hexdigest() == known["list_hash"]
    assert tags[0].hex() == known["list_first"]
    assert tag_list.good_until(known["now"]) == known["good_until"]


def test_the_least_number_that_pays(known: dict[str, Any]) -> None:
    item = {
        "route": known["address"].encode(),
        "env_id": bytes.fromhex(known["env_id"]),
        "deliver_by": known["deliver_by"],
    }
    bits = known["postage_bits"]

    paid = postage.search(bits, **item, start=0, tries=1 << 16)

    assert paid is not None
    assert paid.hex() == known["postage"]
    assert postage.is_paid(paid, bits, **item)
