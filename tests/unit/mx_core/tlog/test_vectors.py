"""The vectors of spec/transparency, made by a program that follows the page and not this code."""

import json
from pathlib import Path
from typing import Any

import pytest

from mx_core.model.address import Address
from mx_core.model.errors import Untrusted
from mx_core.tlog.log_proof import LogKeys, LogProof, Seen

FILE = Path(__file__).parents[3] / "vectors" / "transparency" / "log_proof.json"
VECTORS = json.loads(FILE.read_text(encoding="utf-8"))
KEYS = LogKeys(VECTORS["origin"], bytes.fromhex(VECTORS["kt"]), bytes.fromhex(VECTORS["vrf"]))


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_a_vector_is_judged_as_the_page_says(case: Any) -> None:
    binding = None if case["binding"] is None else bytes.fromhex(case["binding"])
    seen = case["seen"] and Seen(case["seen"]["size"], bytes.fromhex(case["seen"]["root"]))
    try:
        proof = LogProof.decode(bytes.fromhex(case["proof"]))
        proof.verify(KEYS, Address.parse(case["address"]), binding, seen)
        judged = "ok"
    except Untrusted as error:
        judged = error.failure

    assert judged == case["expect"]
