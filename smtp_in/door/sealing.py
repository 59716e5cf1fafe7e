"""A message and what the door saw of it become one envelope and one body for one person.  Pure.

spec/door §5.  Each recipient has a body of their own, because one may be hidden from the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from nacl.signing import SigningKey

from mx_core.directory.sender_check import common_suite
from mx_core.envelope.format import SUITE_2
from mx_core.envelope.seal import (
    DeviceKey,
    DoorSender,
    Entropy,
    seal_body,
    seal_envelope,
)
from mx_core.envelope.statement import ID_OCTETS, DoorRecord
from mx_core.model.errors import NoUsableEpoch
from mx_core.model.ids import MsgId, Pid
from mx_core.model.octets import whole
from mx_core.notation.hashing import b2
from mx_core.passport.card import Card
from mx_core.passport.chain import verify_chain
from mx_core.passport.epoch import choose_epochs

DELIVER_SECONDS: Final = 5 * 86_400


@dataclass(frozen=True, slots=True)
class Sealable:
    """A person as mail is sealed to them."""

    pid: Pid
    devices: tuple[DeviceKey, ...]
    suite: int


@dataclass(frozen=True, slots=True)
class Sealed:
    """Ciphertext for one mailbox; *route* is its canonical address."""

    route: str
    envelope: bytes = field(repr=False)
    body: bytes = field(repr=False)
    deliver_by: int


def sealable(card: bytes, now: float) -> Sealable:
    """Return the person of a *card* that the own home server gave just now.

    Raises:
        Untrusted: Chain or epochs do not prove themselves, or the suite is below their floor.
        NoUsableEpoch: No device has a key that may be used now.
    """
    found = Card.decode(card)
    state = verify_chain(found.entries, now=now)
    chosen = choose_epochs(state, found.epochs, now, 0.0)
    if not chosen:
        raise NoUsableEpoch(f"no device of {found.address} has a key that may be used now")
    suite = common_suite(state.profile, chosen)
    devices = tuple(
        DeviceKey(each.device_id, each.n, each.x25519, each.xwing if suite == SUITE_2 else None)
        for each in chosen
    )
    return Sealable(state.pid, devices, suite)


def sealed(
    message: bytes,
    record: DoorRecord,
    route: str,
    whom: Sealable,
    key: SigningKey,
    *,
    now: int,
    entropy: Entropy,
) -> Sealed:
    """Return *message* sealed to *whom*; *record* says what was seen of it.

    Raises:
        Untrusted: ``device-key``: a device published a key to which nothing can be sealed.
        MessageTooLarge: It is larger than the network takes.
    """
    body = seal_body(message, entropy)
    deliver_by = now + DELIVER_SECONDS
    envelope = seal_envelope(
        body,
        DoorSender(record, key),
        whom.pid,
        whom.devices,
        msg_id=msg_id_of(record.mail_from, route, message, key),
        created=now,
        deliver_by=deliver_by,
        suite=whom.suite,
        entropy=entropy,
    )
    return Sealed(route, envelope, whole(body.octets), deliver_by)


def msg_id_of(mail_from: str, route: str, message: bytes, key: SigningKey) -> MsgId:
    """Return S.0: the same for the same octets from the same sender to the same person.

    So what SMTP repeats, because an answer was lost, is shown once (RFC 1047).
    """
    parts = [mail_from.encode("utf-8", "surrogateescape"), route.encode(), message]
    return MsgId(b2("MX1.door.msg", parts, key=bytes(key))[:ID_OCTETS])
