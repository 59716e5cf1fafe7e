"""Writes unreadable.json: a word that verifies, and words that do not, each with its class."""

import json
from pathlib import Path

from nacl.signing import SigningKey

from mx_core.model.ids import EnvId
from mx_core.notation import cbor
from mx_core.notation.signing import Use, sign
from mx_core.passport.unreadable import Unreadable
from tests.support.people import make_person

ENV_ID = EnvId(b"\x22" * 32)


def vectors() -> dict[str, object]:
    """Return them; everything is made of the name of the person, so the octets never change."""
    bob, eve = make_person("bob@b.example"), make_person("eve@b.example")
    key = bob.first.key
    word = Unreadable(ENV_ID, bob.pid, bob.first.id)
    good = word.signed(key)
    value = cbor.decode(good)
    assert isinstance(value, list)
    statement, signature = value
    assert isinstance(statement, bytes)
    assert isinstance(signature, bytes)

    def signed(fields: dict[int, object], by: SigningKey = key, use: str = Use.UNREADABLE) -> bytes:
        octets = cbor.encode(fields)  # type: ignore[arg-type]
        return cbor.encode([octets, sign(by, use, octets)])

    fields = {0: 1, 1: bytes(ENV_ID), 2: bytes(bob.pid), 3: bytes(bob.first.id)}
    bad = {
        "canonical": [good + b"\0", good[:-1]],
        "format": [
            cbor.encode([statement]),
            cbor.encode([statement, signature[:-1]]),
            signed(fields | {0: 2}),
            signed(fields | {4: 1}),
            signed(fields | {1: bytes(31)}),
            signed({k: v for k, v in fields.items() if k != 3}),
        ],
        "envelope": [Unreadable(EnvId(bytes(32)), bob.pid, bob.first.id).signed(key)],
        "pid": [Unreadable(ENV_ID, eve.pid, bob.first.id).signed(key)],
        "signer": [Unreadable(ENV_ID, bob.pid, eve.first.id).signed(key)],
        "bad-signature": [
            word.signed(eve.first.key),
            signed(fields, use=Use.MESSAGE),
            cbor.encode([statement, bytes(64)]),
        ],
    }
    return {
        "chain": bob.chain.hex(),
        "device_seed": bytes(key).hex(),
        "env_id": bytes(ENV_ID).hex(),
        "pid": bytes(bob.pid).hex(),
        "device_id": bytes(bob.first.id).hex(),
        "statement": statement.hex(),
        "signed": good.hex(),
        "bad": {name: [one.hex() for one in words] for name, words in bad.items()},
    }


if __name__ == "__main__":
    path = Path(__file__).with_name("unreadable.json")
    path.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="utf-8")
