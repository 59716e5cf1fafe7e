"""What a verified chain says: the state after its last entry, and what each entry changed.

Values only; `chain` is the one module that makes them from octets (identity §2, step 5).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

from mx_core.model.address import Address
from mx_core.model.ids import DeviceId, Pid
from mx_core.passport.op import Device, Kind, Profile, Reason


class Removal(Struct, frozen=True):
    """When and why a device stopped being active."""

    seq: int
    time: int  # of the entry
    reason: Reason
    since: int | None  # of the loss or theft


class DeviceRecord(Struct, frozen=True):
    """A device that was ever in the passport."""

    device: Device
    added_seq: int
    removal: Removal | None = None

    def active_at(self, seq: int) -> bool:
        """Tell whether it was active after entry *seq*."""
        return self.added_seq <= seq and (self.removal is None or seq < self.removal.seq)


class ChangeKind(StrEnum):
    """What an entry changed, in the words of the table of identity §6."""

    DEVICE_ADDED = "device-added"
    DEVICE_RETIRED = "device-retired"
    DEVICE_LOST = "device-lost"
    DEVICE_STOLEN = "device-stolen"
    IDENTITY_ROTATED = "identity-rotated"
    RECOVERED = "recovered"
    RECOVERY_CHANGED = "recovery-changed"
    PROFILE_CHANGED = "profile-changed"
    SUITE_FLOOR_LOWERED = "suite-floor-lowered"
    MOVED = "moved"
    ENDED = "ended"
    DELAYED_KEY_USED = "delayed-key-used"


DEFAULT_PROFILE: Final = Profile()

REMOVAL_KIND: Final = {
    Reason.RETIRED: ChangeKind.DEVICE_RETIRED,
    Reason.LOST: ChangeKind.DEVICE_LOST,
    Reason.STOLEN: ChangeKind.DEVICE_STOLEN,
}


class Change(Struct, frozen=True):
    """One change, and the entry that made it.

    *key_seq* goes with DELAYED_KEY_USED: the delayed op 6 that brought the recovery key.
    """

    seq: int
    kind: ChangeKind
    key_seq: int | None = None


class PendingRecovery(Struct, frozen=True):
    """A recovery key that a delayed op 6 named; it counts for entries of *from_time* and later."""

    recovery_pk: bytes
    seq: int  # of the op 6
    from_time: int


class State(Struct, frozen=True):
    """A passport after its entry *seq*; `heads[n]` is the head after entry n."""

    pid: Pid
    address: Address
    identity_pk: bytes
    recovery_pk: bytes
    time: int  # of the last entry
    heads: tuple[bytes, ...]
    devices: tuple[DeviceRecord, ...]  # in the order of their coming, removed ones included
    keys_seen: frozenset[bytes]  # every public key ever named, none is used again
    chain_octets: int  # sum of the encoded SignedEntries
    changes: tuple[Change, ...] = ()
    profile: Profile = DEFAULT_PROFILE
    former: tuple[Address, ...] = ()  # addresses before a move, oldest first
    pending: PendingRecovery | None = None
    delayed_seq: int | None = None  # of the delayed op 6 by which recovery_pk came
    ended: bool = False
    successor: Pid | None = None

    @property
    def seq(self) -> int:
        """The number of the last entry."""
        return len(self.heads) - 1

    @property
    def head(self) -> bytes:
        """The hash of the last entry."""
        return self.heads[-1]

    @property
    def active(self) -> tuple[Device, ...]:
        """The devices that are active now."""
        return tuple(record.device for record in self.devices if record.removal is None)

    @property
    def full(self) -> tuple[Device, ...]:
        """The active devices that are full."""
        return tuple(device for device in self.active if device.kind is Kind.FULL)

    def record(self, device_id: DeviceId) -> DeviceRecord | None:
        """Return the device of that id, removed or not, or None if there never was one."""
        return next((each for each in self.devices if each.device.id == device_id), None)

    def active_device(self, device_id: DeviceId) -> Device | None:
        """Return the active device of that id."""
        return next((device for device in self.active if device.id == device_id), None)
