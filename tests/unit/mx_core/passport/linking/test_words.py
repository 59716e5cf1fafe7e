"""What two devices say: the new one signs that it joins, and nothing else.  Spec/link §3."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from mx_core.model.errors import Refused, Untrusted
from mx_core.model.ids import DeviceId
from mx_core.notation import cbor
from mx_core.passport import make
from mx_core.passport.chain import extend
from mx_core.passport.epoch import new_epoch, sign_epoch
from mx_core.passport.linking import words
from mx_core.passport.linking.words import Draft
from mx_core.passport.make import Writer
from mx_core.passport.op import Add, Device, Kind, Rotate
from tests.support.people import NOW, make_person
from tests.vectors.linking.make import NEW, NEW_KEY, WHY, vectors

ROOT = Path(__file__).resolve().parents[5]
TOLD: dict[str, Any] = json.loads((ROOT / "tests/vectors/linking/linking.json").read_text())
BOB = make_person("bob@b.example")
STATE = BOB.state
WRITER = Writer(BOB.first.id, BOB.first.key, BOB.identity)
ENTRY, DRAFT = words.drafted(STATE, WRITER, NEW, NOW)


def epoch(pid: bytes = STATE.pid, device: DeviceId = NEW.id, key: SigningKey = NEW_KEY) -> bytes:
    return sign_epoch(key, new_epoch(type(STATE.pid)(pid), device, 1, b"\x09" + bytes(31), NOW))


def test_the_vectors_are_what_is_made() -> None:
    assert vectors() == TOLD


def test_a_device_that_both_want_joins() -> None:
    state = words.read_welcome(words.welcome(BOB.entries), NOW)
    device, signed_epoch = words.read_offer(words.offer(NEW, epoch()), STATE)
    consent = Draft.read(DRAFT, state, NEW).consent(NEW_KEY)
    entry = words.completed(STATE, ENTRY, WRITER, device, consent, NOW)

    assert state == STATE
    assert (device, signed_epoch) == (NEW, epoch())
    assert extend(STATE, entry, NOW).active_device(NEW.id) == NEW


def test_a_device_that_is_not_taken_hears_why() -> None:
    with pytest.raises(Refused, match=WHY):
        Draft.read(words.refused(WHY), STATE, NEW)


@pytest.mark.parametrize(
    ("shown", "failure"),
    [
        (epoch(pid=make_person("eve@b.example").pid), "link"),
        (epoch(device=BOB.first.id), "link"),
        (epoch(key=BOB.first.key), "bad-signature"),
    ],
)
def test_a_key_that_is_not_the_new_device_s_own_is_refused(shown: bytes, failure: str) -> None:
    with pytest.raises(Untrusted) as caught:
        words.read_offer(words.offer(NEW, shown), STATE)
    assert caught.value.failure == failure


def another_person() -> bytes:
    eve = make_person("eve@b.example")
    return words.drafted(eve.state, Writer(eve.first.id, eve.first.key, eve.identity), NEW, NOW)[1]


def another_device() -> bytes:
    other = Device(DeviceId(b"e" * 16), bytes(SigningKey(b"e" * 32).verify_key), Kind.FULL)
    return words.drafted(STATE, WRITER, other, NOW)[1]


def a_lesser_device() -> bytes:
    lesser = Device(NEW.id, NEW.sign_pk, Kind.LIMITED)
    return words.drafted(STATE, WRITER, lesser, NOW)[1]


def something_more() -> bytes:
    rotate = Rotate(bytes(SigningKey(b"r" * 32).verify_key))
    return cbor.encode({0: 1, 1: make.draft(STATE, BOB.first.id, [Add(NEW), rotate], NOW)})


def an_older_state() -> bytes:
    later = make_person("bob@b.example")
    later.rotate()
    writer = Writer(later.first.id, later.first.key, later.identity)
    return words.drafted(later.state, writer, NEW, NOW)[1]


@pytest.mark.parametrize(
    "draft", [another_person, another_device, a_lesser_device, something_more, an_older_state]
)
def test_the_new_device_signs_nothing_but_that_it_joins(draft: Callable[[], bytes]) -> None:
    with pytest.raises(Untrusted) as caught:
        Draft.read(draft(), STATE, NEW)
    assert caught.value.failure == "link"


def test_a_consent_of_somebody_else_adds_nobody() -> None:
    consent = Draft.read(DRAFT, STATE, NEW).consent(SigningKey(b"x" * 32))
    with pytest.raises(Untrusted) as caught:
        words.completed(STATE, ENTRY, WRITER, NEW, consent, NOW)
    assert caught.value.failure == "bad-signature"


@pytest.mark.parametrize(
    "plain",
    [
        cbor.encode({0: 1}),
        cbor.encode({0: 1, 1: ENTRY, 2: WHY}),
        cbor.encode({0: 2, 1: ENTRY}),
        cbor.encode({0: 1, 2: "x" * 513}),
        cbor.encode({0: 1, 2: b"x"}),
        b"\xff",
    ],
)
def test_a_draft_of_another_form_is_refused(plain: bytes) -> None:
    with pytest.raises(Untrusted):
        Draft.read(plain, STATE, NEW)


@given(name=st.sampled_from(["welcome", "offer", "draft"]), where=st.integers(0), octet=st.integers(1, 255))  # fmt: skip
def test_an_altered_octet_raises_nothing_else(name: str, where: int, octet: int) -> None:
    octets = bytearray(bytes.fromhex(TOLD["said"][name]))
    octets[where % len(octets)] ^= octet
    try:
        match name:
            case "welcome":
                words.read_welcome(bytes(octets), NOW)
            case "offer":
                words.read_offer(bytes(octets), STATE)
            case _:
                Draft.read(bytes(octets), STATE, NEW)
    except (Untrusted, Refused):
        return
    assert name in {"offer", "draft"}, "every octet of a passport is signed"
