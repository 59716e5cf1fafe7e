"""The code and what is sealed by it: nobody without the code says or reads anything.  Spec/link §2."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_scalarmult
from nacl.public import PrivateKey
from nacl.secret import SecretBox

from mx_core.model.errors import Refused, Untrusted
from mx_core.model.secret import Secret
from mx_core.passport.linking.channel import Channel, LinkCode, Side

ROOT = Path(__file__).resolve().parents[5]
TOLD: dict[str, Any] = json.loads((ROOT / "tests/vectors/linking/linking.json").read_text())
CODE = LinkCode(Secret(bytes.fromhex(TOLD["code"])))


def ends(code: LinkCode = CODE, other: LinkCode = CODE) -> tuple[Channel, Channel]:
    new, present = PrivateKey.generate(), PrivateKey.generate()
    return (
        Channel.between(code, Side.NEW, new, bytes(present.public_key)),
        Channel.between(other, Side.PRESENT, present, bytes(new.public_key)),
    )


def b2(person: bytes, parts: list[bytes], key: bytes) -> bytes:
    """Identity §1, written again."""
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hashlib.blake2b(framed, digest_size=32, person=person, key=key).digest()


def test_the_vectors_are_what_the_page_says() -> None:
    """Computed here without the code under test."""
    code = bytes.fromhex(TOLD["code"])
    assert b2(b"MX1.link.id", [], code)[:16].hex() == TOLD["rendezvous"]
    letters = TOLD["text"].replace("-", "").upper()
    assert base64.b32decode(letters + "======") == code
    new, present = (bytes.fromhex(TOLD["ephemeral"][side]) for side in ("new", "present"))
    shared = crypto_scalarmult(bytes.fromhex(TOLD["ephemeral_private"]["new"]), present)
    box = SecretBox(b2(b"MX1.link", [new, present, shared], code))
    for name, side, count in (
        ("welcome", 2, 0),
        ("offer", 1, 0),
        ("draft", 2, 1),
        ("consent", 1, 1),
        ("refused", 2, 1),
    ):
        nonce = bytes([side]) + count.to_bytes(8, "big") + bytes(15)
        assert box.decrypt(bytes.fromhex(TOLD["boxes"][name]), nonce).hex() == TOLD["said"][name]


@given(st.binary(min_size=16, max_size=16))
def test_a_code_survives_its_letters_however_they_are_typed(octets: bytes) -> None:
    code = LinkCode(Secret(octets))
    typed = code.text.upper().replace("-", " ")

    for text in (code.text, typed, f" {code.text.replace('-', '')}\n"):
        assert LinkCode.read(text).octets.reveal() == octets
    assert len(code.text.replace("-", "")) == 26


@pytest.mark.parametrize(
    "text",
    ["", "aaaa", "a" * 25, "a" * 27, "a" * 25 + "1", "a" * 25 + "b", "ä" * 26, CODE.text + "aa"],
)
def test_what_is_no_code_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(Refused, match="26 letters"):
        LinkCode.read(text)


def test_what_one_end_seals_the_other_opens_in_order() -> None:
    new, present = ends()
    boxes = [new.seal(b"one"), new.seal(b"two")]

    assert present.open(boxes[0]) == b"one"
    with pytest.raises(Untrusted):
        present.open(boxes[0])
    assert present.open(boxes[1]) == b"two"
    assert new.open(present.seal(b"back")) == b"back"


def test_a_box_does_not_come_back_to_who_sealed_it() -> None:
    new, _ = ends()
    with pytest.raises(Untrusted) as caught:
        new.open(new.seal(b"mine"))
    assert caught.value.failure == "link"


def test_who_does_not_know_the_code_says_nothing_and_reads_nothing() -> None:
    """A home server that puts keys of its own between the two has all but the code."""
    new, middle = ends(CODE, LinkCode(Secret(bytes(16))))

    for one, other in ((new, middle), (middle, new)):
        with pytest.raises(Untrusted):
            other.open(one.seal(b"hello"))


@pytest.mark.parametrize("other", [b"", bytes(32), b"\x01" + bytes(31), bytes(33)])
def test_a_key_that_agrees_on_nothing_is_refused(other: bytes) -> None:
    with pytest.raises(Untrusted) as caught:
        Channel.between(CODE, Side.NEW, PrivateKey.generate(), other)
    assert caught.value.failure == "link"


@given(where=st.integers(0), octet=st.integers(1, 255))
def test_one_altered_octet_is_refused(where: int, octet: int) -> None:
    new, present = ends()
    box = bytearray(new.seal(b"hello"))
    box[where % len(box)] ^= octet
    with pytest.raises(Untrusted):
        present.open(bytes(box))


def test_no_key_is_shown_by_a_channel() -> None:
    new, _ = ends()
    assert "_key" not in repr(new)
    assert CODE.octets.reveal().hex() not in repr(CODE)
