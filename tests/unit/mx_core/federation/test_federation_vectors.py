"""The vectors of docs/spec/federation.md, made by another program."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mx_core.federation import auth
from mx_core.federation.auth import Role
from mx_core.federation.batch import item_digest, verify_batch
from mx_core.proto.federation_pb2 import Batch, BlobRef, Item

VECTORS = Path(__file__).parents[3] / "vectors" / "federation"
PROOF = json.loads((VECTORS / "proof.json").read_text())
BATCH = json.loads((VECTORS / "batch.json").read_text())


@pytest.mark.parametrize("role", Role)
def test_both_halves_of_the_proof_have_these_octets(role: Role) -> None:
    octets = auth.proof_octets(
        role,
        client=PROOF["client"],
        server=PROOF["server"],
        nonce_b=bytes.fromhex(PROOF["nonce_b"]),
        nonce_a=bytes.fromhex(PROOF["nonce_a"]),
        spki_hash=bytes.fromhex(PROOF["spki_hash"]),
    )
    half = PROOF["proofs"][role.value]

    assert octets.hex() == half["octets"]
    auth.verify_proof([bytes.fromhex(half["public_key"])], octets, bytes.fromhex(half["signature"]))


def test_a_batch_has_these_digests_and_verifies() -> None:
    items = [item_of(fields) for fields in BATCH["items"]]
    batch = Batch(
        batch_id=bytes.fromhex(BATCH["batch_id"]),
        created=BATCH["created"],
        items=items,
        signature=bytes.fromhex(BATCH["signature"]),
    )

    assert [item_digest(item).hex() for item in items] == BATCH["digests"]
    verify_batch(
        batch,
        sender=BATCH["sender"],
        receiver=BATCH["receiver"],
        keys=[bytes.fromhex(BATCH["public_key"])],
        now=BATCH["created"],
    )


def item_of(fields: dict[str, Any]) -> Item:
    item = Item(deliver_by=fields.get("deliver_by", 0))
    for name in ("route", "envelope", "body", "token", "postage"):
        setattr(item, name, bytes.fromhex(fields.get(name, "")))
    if "ref" in fields:
        ref_id, size = fields["ref"]
        item.body_ref.CopyFrom(BlobRef(id=bytes.fromhex(ref_id), size=size))
    return item
