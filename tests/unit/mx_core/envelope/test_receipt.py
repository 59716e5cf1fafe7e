"""A receipt as the page has it, and every octet of it signed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from mx_core.envelope.ext import RECEIPTS_MAX, Ext, SignedReceipt
from mx_core.envelope.receipt import Receipt, check_signature, claimed, digest_of
from mx_core.model.errors import Untrusted
from mx_core.model.ids import DeviceId, MsgId, Pid
from mx_core.notation import cbor

FILE = Path(__file__).resolve().parents[3] / "vectors" / "receipts" / "receipt.json"
KNOWN: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
KEY = SigningKey(bytes.fromhex(KNOWN["seed"]))
RECEIPT = Receipt(
    MsgId(bytes.fromhex(KNOWN["msg_id"])),
    bytes.fromhex(KNOWN["digest"]),
    Pid(bytes.fromhex(KNOWN["pid"])),
    DeviceId(bytes.fromhex(KNOWN["device_id"])),
    KNOWN["day"],
)


def test_the_answers_that_an_independent_program_computed_from_the_page() -> None:
    signed = RECEIPT.signed(KEY)

    assert digest_of(bytes.fromhex(KNOWN["statement"])).hex() == KNOWN["digest"]
    assert (signed.body.hex(), signed.signature.hex()) == (KNOWN["body"], KNOWN["signature"])
    assert Ext(receipts=(signed,)).encode().hex() == KNOWN["ext"]
    assert Ext.decode(bytes.fromhex(KNOWN["ext"])).receipts == (signed,)
    assert claimed(signed) == RECEIPT
    check_signature(signed, bytes(KEY.verify_key))


@given(at=st.integers(0), bit=st.integers(0, 7))
def test_a_receipt_with_one_bit_changed_is_nobodys(at: int, bit: int) -> None:
    signed = RECEIPT.signed(KEY)
    octets = bytearray(signed.body + signed.signature)
    octets[at % len(octets)] ^= 1 << bit
    changed = SignedReceipt(bytes(octets[: len(signed.body)]), bytes(octets[len(signed.body) :]))

    with pytest.raises(Untrusted):
        check_signature(changed, bytes(KEY.verify_key))


@pytest.mark.parametrize("value", [{}, [], {0: b"", 1: b"", 2: b"", 3: b"", 4: 1}, {0: 1}])
def test_another_shape_is_refused(value: cbor.Value) -> None:
    with pytest.raises(Untrusted):
        claimed(SignedReceipt(cbor.encode(value), bytes(64)))


def test_of_many_receipts_sixteen_are_read() -> None:
    many = Ext(receipts=(RECEIPT.signed(KEY),) * (RECEIPTS_MAX + 9))

    assert len(Ext.decode(many.encode()).receipts) == RECEIPTS_MAX


@pytest.mark.parametrize("value", [1, [1], [[b"x"]], [[b"x", b"short"]], [["x", bytes(64)]]])
def test_what_has_not_the_shape_of_receipts_is_refused(value: cbor.Value) -> None:
    with pytest.raises(Untrusted):
        Ext.decode(cbor.encode({3: value}))
