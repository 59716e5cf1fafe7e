"""The vectors of docs/spec/discovery.md, made by another program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mx_core.discovery.continuity import How, judge_keys
from mx_core.discovery.document import SignedDocument, decode, verify_document
from mx_core.discovery.txt import parse_records
from mx_core.model.errors import Untrusted

VECTORS = Path(__file__).parents[3] / "vectors" / "discovery"
DOCUMENT = json.loads((VECTORS / "document.json").read_text())
TXT = json.loads((VECTORS / "txt.json").read_text())


@pytest.mark.parametrize("case", DOCUMENT["cases"], ids=lambda case: case["name"])
def test_a_document_verifies_or_fails_in_its_class(case: dict[str, str]) -> None:
    signed = SignedDocument(bytes.fromhex(case["octets"]), bytes.fromhex(case["signature"]))
    keys = [bytes.fromhex(key) for key in DOCUMENT["keys"]]

    try:
        document = verify_document(
            signed, domain=DOCUMENT["domain"], keys=keys, now=DOCUMENT["now"]
        )
    except Untrusted as error:
        failure = error.failure
    else:
        failure = ""
        assert document.encode() == signed.octets

    assert failure == case["failure"]


def test_the_roll_inside_the_good_document_leads_from_the_old_key_to_the_new() -> None:
    document = decode(bytes.fromhex(DOCUMENT["cases"][0]["octets"]))
    old, new = (key.public_key for key in document.keys)
    known = judge_keys("a.example", [old], How.HTTPS, [], remembered=None, now=0).remembered

    after = judge_keys("a.example", [new], How.HTTPS, document.rolls, remembered=known, now=0)

    assert after.keys == (new,)


@pytest.mark.parametrize("case", TXT["cases"], ids=lambda case: " | ".join(case["texts"])[-40:])
def test_a_record_says_fails_or_is_not_ours(case: dict[str, Any]) -> None:
    if "failure" in case:
        with pytest.raises(Untrusted) as refused:
            parse_records(case["texts"])
        assert refused.value.failure == case["failure"]
        return
    record = parse_records(case["texts"])
    if case.get("absent"):
        assert record is None
    else:
        assert record is not None
        assert [key.hex() for key in record.keys] == case["keys"]
        assert list(record.hello) == case["hello"]
