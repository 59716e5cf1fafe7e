"""The operations of a passport entry: op number and body map to values, and back.

Knows shapes only (identity §2, table of ops; spec/passport §3).  Which ops may stand together,
who must sign them and what they do is `chain`.  Ops 5–9 have their numbers here and no meaning
yet: they and 10–127 become `Unsupported`, which `chain` refuses as `unknown-op`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from mx_core.model.address import Address
from mx_core.model.ids import DeviceId
from mx_core.notation import cbor
from mx_core.notation.signing import PUBLIC_KEY_OCTETS
from mx_core.passport.shape import Fields, array, misshapen, uint

GENESIS: Final = 1
ADD: Final = 2
REMOVE: Final = 3
ROTATE: Final = 4
EXTENSION_FIRST: Final = 128  # from here on: carried, hashed, ignored
DEVICE_ID_OCTETS: Final = 16


class Kind(IntEnum):
    """What a device may do; only a full one holds the identity key and signs entries."""

    LIMITED = 1
    FULL = 2


class Reason(IntEnum):
    """Why a device was removed."""

    RETIRED = 1
    LOST = 2
    STOLEN = 3


@dataclass(frozen=True, slots=True)
class Device:
    """One device; its name travels only in the journal, because names leak."""

    id: DeviceId  # 16 random octets
    sign_pk: bytes  # Ed25519, 32 octets
    kind: Kind

    def value(self) -> cbor.Value:
        """Return the CBOR form: {0: id, 1: sign_pk, 2: kind}."""
        return {0: bytes(self.id), 1: self.sign_pk, 2: int(self.kind)}

    @classmethod
    def read(cls, value: cbor.Value) -> Device:
        """Return the device that *value* spells; raises Untrusted(`format`)."""
        fields = Fields(value, "Device", (0, 1, 2))
        return cls(
            DeviceId(fields.octets(0, DEVICE_ID_OCTETS)),
            fields.octets(1, PUBLIC_KEY_OCTETS),
            Kind(fields.uint(2, Kind.LIMITED, Kind.FULL)),
        )


@dataclass(frozen=True, slots=True)
class Genesis:
    """Op 1: {0: identity_pk, 1: recovery_pk, 2: address, 3: Device}."""

    identity_pk: bytes
    recovery_pk: bytes
    address: Address
    device: Device


@dataclass(frozen=True, slots=True)
class Add:
    """Op 2: {0: Device}."""

    device: Device


@dataclass(frozen=True, slots=True)
class Remove:
    """Op 3: {0: device_id, 1: reason, 2: since}; *since* is there for lost and stolen only."""

    device_id: DeviceId
    reason: Reason
    since: int | None = None


@dataclass(frozen=True, slots=True)
class Rotate:
    """Op 4: {0: identity_pk}."""

    identity_pk: bytes


@dataclass(frozen=True, slots=True)
class Extension:
    """An op ≥ 128: hashed and signed like the others, without effect on the state."""

    number: int
    body: cbor.Value


@dataclass(frozen=True, slots=True)
class Unsupported:
    """An op 5–127 that this reader has no rule for."""

    number: int
    body: cbor.Value


Op = Genesis | Add | Remove | Rotate | Extension | Unsupported


def number_of(op: Op) -> int:
    """Return the op's number."""
    match op:
        case Genesis():
            return GENESIS
        case Add():
            return ADD
        case Remove():
            return REMOVE
        case Rotate():
            return ROTATE
        case Extension() | Unsupported():
            return op.number


def op_value(op: Op) -> cbor.Value:
    """Return [number, body]."""
    return [number_of(op), _body(op)]


def read_op(value: cbor.Value) -> Op:
    """Return the op that *value* spells; raises Untrusted(`format`)."""
    pair = array(value, "an op", 2)
    number, body = uint(pair[0], "an op number", GENESIS), pair[1]
    if not isinstance(body, dict):
        raise misshapen("the body of an op is not a map")
    if number == GENESIS:
        fields = Fields(body, "op 1", (0, 1, 2, 3))
        return Genesis(
            fields.octets(0, PUBLIC_KEY_OCTETS),
            fields.octets(1, PUBLIC_KEY_OCTETS),
            fields.address(2),
            Device.read(fields.value(3)),
        )
    if number == ADD:
        return Add(Device.read(Fields(body, "op 2", (0,)).value(0)))
    if number == REMOVE:
        return _read_remove(body)
    if number == ROTATE:
        return Rotate(Fields(body, "op 4", (0,)).octets(0, PUBLIC_KEY_OCTETS))
    if number >= EXTENSION_FIRST:
        return Extension(number, body)
    return Unsupported(number, body)


def _read_remove(body: cbor.Value) -> Remove:
    fields = Fields(body, "op 3", (0, 1), (2,))
    device_id = DeviceId(fields.octets(0, DEVICE_ID_OCTETS))
    reason = Reason(fields.uint(1, Reason.RETIRED, Reason.STOLEN))
    if fields.has(2) == (reason is Reason.RETIRED):
        raise misshapen("op 3 says since when, exactly if the device was lost or stolen")
    return Remove(device_id, reason, fields.uint(2) if fields.has(2) else None)


def _body(op: Op) -> cbor.Value:
    match op:
        case Genesis(identity_pk, recovery_pk, address, device):
            return {0: identity_pk, 1: recovery_pk, 2: str(address), 3: device.value()}
        case Add(device):
            return {0: device.value()}
        case Remove(device_id, reason, since):
            when: dict[int, cbor.Value] = {} if since is None else {2: since}
            return {0: bytes(device_id), 1: int(reason), **when}
        case Rotate(identity_pk):
            return {0: identity_pk}
        case Extension() | Unsupported():
            return op.body
