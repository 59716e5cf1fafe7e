"""Envelopes as a door seals them, for tests of whoever opens them."""

from __future__ import annotations

import secrets

from msgspec.structs import replace
from nacl.signing import SigningKey

from mx_core.envelope.seal import DeviceKey, DoorSender, seal_body, seal_envelope
from mx_core.envelope.statement import DoorRecord
from mx_core.model.ids import MsgId
from mx_core.model.octets import whole
from tests.support.people import NOW, Person

DOOR_KEY = SigningKey(b"\x0d" * 32)
RECORD = DoorRecord(
    domain="b.example",
    mail_from="carol@c.example",
    rcpt_to="bob@b.example",
    peer_ip="192.0.2.7",
    helo="mail.c.example",
    tls=True,
    spf="pass",
    dkim=(("c.example", "pass"),),
    dmarc="pass",
    received=NOW,
)


def from_the_door(
    message: bytes,
    whom: Person,
    record: DoorRecord = RECORD,
    *,
    key: SigningKey = DOOR_KEY,
    msg_id: bytes = b"d" * 16,
    deliver_by: int = NOW + 100,
    **changes: object,
) -> tuple[bytes, bytes]:
    """Return envelope and body of *message* for the newest epoch of *whom*."""
    body = seal_body(message, secrets.token_bytes)
    n, private, _ = whom.first.epochs[-1]
    envelope = seal_envelope(
        body,
        DoorSender(replace(record, **changes), key),
        whom.pid,
        [DeviceKey(whom.first.id, n, bytes(private.public_key))],
        msg_id=MsgId(msg_id),
        created=NOW,
        deliver_by=deliver_by,
        entropy=secrets.token_bytes,
    )
    return envelope, whole(body.octets)
