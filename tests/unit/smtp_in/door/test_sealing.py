"""What the door seals: opened by the person's devices, alike for alike octets, and bound to its key."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import pytest
from msgspec.structs import replace
from nacl.signing import SigningKey

from mx_core.envelope.identity import EpochSecret
from mx_core.envelope.open import open_body, open_control, verify_statement
from mx_core.envelope.seal import env_id
from mx_core.envelope.statement import DoorRecord
from mx_core.homeserver.domain.role_keys import of_seed
from mx_core.model.errors import NoUsableEpoch, Untrusted
from mx_core.model.secret import Secret
from mx_core.passport.card import Card
from smtp_in.door.sealing import msg_id_of, sealable, sealed
from tests.support.door_mail import DOOR_KEY, RECORD
from tests.support.people import DAY, NOW, Person, make_person

MESSAGE = b"From: carol@c.example\r\n\r\nhello\r\n"
VECTORS = json.loads(
    (Path(__file__).resolve().parents[3] / "vectors/door/records.json").read_text(encoding="utf-8")
)


def bob() -> Person:
    return make_person("bob@b.example")


def seal(
    person: Person, message: bytes = MESSAGE, record: DoorRecord = RECORD
) -> tuple[bytes, bytes]:
    made = sealed(
        message,
        record,
        "bob@b.example",
        sealable(person.card(), NOW),
        DOOR_KEY,
        now=NOW,
        entropy=secrets.token_bytes,
    )
    assert (made.route, made.deliver_by) == ("bob@b.example", NOW + 5 * DAY)
    return made.envelope, made.body


def secret_of(person: Person) -> EpochSecret:
    n, private, _ = person.first.epochs[-1]
    return EpochSecret(person.first.id, n, private)


def test_the_devices_of_the_person_open_it_and_see_what_the_door_saw() -> None:
    person = bob()
    envelope, body = seal(person)
    opened = open_control(envelope, [secret_of(person)])
    statement = verify_statement(
        opened, sign_pk=bytes(DOOR_KEY.verify_key), my_pid=person.state.pid
    )

    assert open_body(body, opened, statement) == MESSAGE
    assert (statement.by, statement.sender, opened.proof, opened.ext) == (RECORD, "", None, None)


def test_what_smtp_repeats_is_one_message_and_never_one_envelope() -> None:
    person = bob()
    first, again = seal(person)[0], seal(person)[0]
    other = seal(person, MESSAGE + b".")[0]
    ids = [open_control(each, [secret_of(person)]).claimed.msg_id for each in (first, again, other)]

    assert ids[0] == ids[1] != ids[2]
    assert env_id(first) != env_id(again)


def test_another_sender_recipient_or_key_makes_another_message() -> None:
    told = {
        msg_id_of("carol@c.example", "bob@b.example", MESSAGE, DOOR_KEY),
        msg_id_of("dave@c.example", "bob@b.example", MESSAGE, DOOR_KEY),
        msg_id_of("carol@c.example", "alice@b.example", MESSAGE, DOOR_KEY),
        msg_id_of("carol@c.example", "bob@b.example", MESSAGE, SigningKey(b"x" * 32)),
        msg_id_of("", "bob@b.example", MESSAGE, DOOR_KEY),
    }

    assert len(told) == 5


def test_who_has_no_key_for_now_is_asked_for_again_later() -> None:
    with pytest.raises(NoUsableEpoch):
        sealable(make_person("bob@b.example", epochs=0).card(), NOW)


def test_a_card_that_does_not_prove_itself_is_sealed_to_by_nobody() -> None:
    card = Card.decode(bob().card())
    entry = card.entries[0]
    forged = replace(card, entries=(entry[:-1] + bytes([entry[-1] ^ 1]),))
    with pytest.raises(Untrusted):
        sealable(forged.encode(), NOW)


@pytest.mark.parametrize("case", VECTORS["msg_ids"], ids=lambda case: case["name"])
def test_a_msg_id_is_that_of_the_vectors(case: dict[str, str]) -> None:
    key = SigningKey(bytes.fromhex(VECTORS["seed"]))
    made = msg_id_of(case["mail_from"], case["rcpt_to"], bytes.fromhex(case["message"]), key)

    assert made.hex() == case["msg_id"]


@pytest.mark.parametrize("case", VECTORS["role_keys"], ids=lambda case: case["roles_seed"][:4])
def test_the_key_of_the_door_is_that_of_the_vectors(case: dict[str, str]) -> None:
    keys = of_seed(Secret(SigningKey(bytes.fromhex(case["roles_seed"]))))

    assert bytes(keys.door.reveal()).hex() == case["door_seed"]
    assert dict(keys.public)["door"].hex() == case["door_pk"]
