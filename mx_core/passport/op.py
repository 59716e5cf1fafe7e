"""The operations of a passport entry, as values.  Identity §2, table of ops; spec/passport §3.

Their octets are `op_form`; which ops may stand together, who must sign them and what they do is
`chain` and its rooms.  Ops 10–127 have no rule here: they become `Unsupported`, which `chain`
refuses as `unknown-op`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from msgspec import Struct

from mx_core.model.address import Address
from mx_core.model.ids import DeviceId, Pid
from mx_core.notation import cbor
from mx_core.notation.signing import PUBLIC_KEY_OCTETS
from mx_core.passport.shape import Fields

GENESIS: Final = 1
ADD: Final = 2
REMOVE: Final = 3
ROTATE: Final = 4
RECOVER: Final = 5
CHANGE_RECOVERY: Final = 6
PROFILE: Final = 7
MOVE: Final = 8
END: Final = 9
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


class Device(Struct, frozen=True):
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
class Profile:
    """What a person says of their mailbox; the defaults hold while there is no op 7."""

    lookup_open: bool = True
    postage_bits: int = 20
    octets_max: int = 64 << 20
    receipts: bool = False
    suite_floor: int = 1
    pairs: tuple[tuple[str, str], ...] = ()  # ascending by key, each key once


class Genesis(Struct, frozen=True):
    """Op 1: {0: identity_pk, 1: recovery_pk, 2: address, 3: Device}."""

    identity_pk: bytes
    recovery_pk: bytes
    address: Address
    device: Device


class Add(Struct, frozen=True):
    """Op 2: {0: Device}."""

    device: Device


class Remove(Struct, frozen=True):
    """Op 3: {0: device_id, 1: reason, 2: since}; *since* is there for lost and stolen only."""

    device_id: DeviceId
    reason: Reason
    since: int | None = None


class Rotate(Struct, frozen=True):
    """Op 4: {0: identity_pk}."""

    identity_pk: bytes


class Recover(Struct, frozen=True):
    """Op 5: {0: identity_pk, 1: recovery_pk, 2: Device, 3: [ids kept]}: by the sheet alone."""

    identity_pk: bytes
    recovery_pk: bytes
    device: Device
    kept: tuple[DeviceId, ...]  # ascending


class ChangeRecovery(Struct, frozen=True):
    """Op 6: {0: recovery_pk, 1: delayed}; *delayed*: the sheet is lost, 30 days pass first."""

    recovery_pk: bytes
    delayed: bool


class SetProfile(Struct, frozen=True):
    """Op 7: {0: look-up, 1: postage bits, 2: octets, 3: receipts, 4: suite floor, 5: pairs}."""

    profile: Profile


class Move(Struct, frozen=True):
    """Op 8: {0: address}."""

    address: Address


class End(Struct, frozen=True):
    """Op 9: {0: reason, ? 1: successor pid}."""

    reason: int
    successor: Pid | None = None


class Extension(Struct, frozen=True):
    """An op ≥ 128: hashed and signed like the others, without effect on the state."""

    number: int
    body: cbor.Value


class Unsupported(Struct, frozen=True):
    """An op 10–127 that this reader has no rule for."""

    number: int
    body: cbor.Value


Op = (
    Genesis
    | Add
    | Remove
    | Rotate
    | Recover
    | ChangeRecovery
    | SetProfile
    | Move
    | End
    | Extension
    | Unsupported
)


_NUMBERS: Final[dict[type[Op], int]] = {
    Genesis: GENESIS,
    Add: ADD,
    Remove: REMOVE,
    Rotate: ROTATE,
    Recover: RECOVER,
    ChangeRecovery: CHANGE_RECOVERY,
    SetProfile: PROFILE,
    Move: MOVE,
    End: END,
}


def number_of(op: Op) -> int:
    """Return the op's number."""
    if isinstance(op, Extension | Unsupported):
        return op.number
    return _NUMBERS[type(op)]
