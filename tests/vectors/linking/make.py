"""Writes linking.json: two devices that speak to each other, word for word, with every key given."""

import json
from pathlib import Path

from nacl.public import PrivateKey
from nacl.signing import SigningKey

from mx_core.model.ids import DeviceId
from mx_core.model.secret import Secret
from mx_core.passport.epoch import new_epoch, sign_epoch
from mx_core.passport.linking import words
from mx_core.passport.linking.channel import Channel, LinkCode, Side
from mx_core.passport.make import Writer
from mx_core.passport.op import Device, Kind
from tests.support.people import NOW, make_person

CODE = LinkCode(Secret(bytes(range(16))))
NEW_KEY = SigningKey(b"\x0b" * 32)
NEW = Device(DeviceId(b"\x0c" * 16), bytes(NEW_KEY.verify_key), Kind.FULL)
WHY = "This device takes no second one yet."


def vectors() -> dict[str, object]:
    """Return them; nothing in them is random."""
    bob = make_person("bob@b.example")
    writer = Writer(bob.first.id, bob.first.key, bob.identity)
    eph_new, eph_present = PrivateKey(b"\x31" * 32), PrivateKey(b"\x32" * 32)
    new = Channel.between(CODE, Side.NEW, eph_new, bytes(eph_present.public_key))
    present = Channel.between(CODE, Side.PRESENT, eph_present, bytes(eph_new.public_key))
    refusing = Channel.between(CODE, Side.PRESENT, eph_present, bytes(eph_new.public_key))
    epoch = sign_epoch(NEW_KEY, new_epoch(bob.pid, NEW.id, 1, b"\x09" + bytes(31), NOW))
    entry, draft = words.drafted(bob.state, writer, NEW, NOW)
    said = {
        "welcome": words.welcome(bob.entries),
        "offer": words.offer(NEW, epoch),
        "draft": draft,
        "consent": words.Draft.read(draft, bob.state, NEW).consent(NEW_KEY),
        "refused": words.refused(WHY),
    }
    boxes = {
        "welcome": present.seal(said["welcome"]),
        "offer": new.seal(said["offer"]),
        "draft": present.seal(said["draft"]),
        "consent": new.seal(said["consent"]),
    }
    refusing.seal(said["welcome"])
    boxes["refused"] = refusing.seal(said["refused"])
    signed = words.completed(bob.state, entry, writer, NEW, said["consent"], NOW)
    return {
        "code": CODE.octets.reveal().hex(),
        "text": CODE.text,
        "rendezvous": CODE.rendezvous.hex(),
        "ephemeral_private": {"new": bytes(eph_new).hex(), "present": bytes(eph_present).hex()},
        "ephemeral": {
            "new": bytes(eph_new.public_key).hex(),
            "present": bytes(eph_present.public_key).hex(),
        },
        "chain": [entry.hex() for entry in bob.entries],
        "now": NOW,
        "said": {name: octets.hex() for name, octets in said.items()},
        "boxes": {name: octets.hex() for name, octets in boxes.items()},
        "signed_entry": signed.hex(),
    }


if __name__ == "__main__":
    file = Path(__file__).with_name("linking.json")
    file.write_text(json.dumps(vectors(), indent=1) + "\n")
