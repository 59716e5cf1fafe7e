"""Step 2 of chain verification: who writes an entry, and what its ops may be about.

Spec/passport §4.  Each check raises the class that its row of the table names.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

from msgspec.structs import replace

from mx_core.model.errors import Untrusted
from mx_core.model.ids import DeviceId
from mx_core.passport.entry import Entry
from mx_core.passport.op import (
    Add,
    ChangeRecovery,
    Device,
    End,
    Extension,
    Genesis,
    Kind,
    Move,
    Op,
    Reason,
    Recover,
    Remove,
    Rotate,
    SetProfile,
    Unsupported,
)
from mx_core.passport.state import DeviceRecord, Removal, State

ACTIVE_DEVICES_MAX: Final = 8
_ONCE: Final = (Rotate, Recover, ChangeRecovery, SetProfile, Move, End)

_O = TypeVar("_O", bound=Op)


def ops_of(entry: Entry, kind: type[_O]) -> list[_O]:
    """Return the ops of *entry* that are of *kind*."""
    return [op for op in entry.ops if isinstance(op, kind)]


def signer_of(state: State | None, entry: Entry) -> Device | None:
    """Return the device in whose role 3 the entry must be signed: an active one, or a new one."""
    for op in entry.ops:
        if isinstance(op, Genesis | Recover):
            return op.device
    return None if state is None else state.active_device(entry.by)


def check_combination(state: State | None, entry: Entry) -> None:
    """Check which ops stand together, as far as the entry and a pending key show it."""
    # an op without a rule comes first: it could change what is asked of all the others
    for op in entry.ops:
        if isinstance(op, Unsupported):
            raise Untrusted("unknown-op", f"op {op.number} needs a newer version")
    geneses = ops_of(entry, Genesis)
    if (entry.seq == 0) != (len(geneses) == 1) or len(geneses) > 1:
        raise Untrusted("combination", "op 1 stands once, in the first entry only")
    if geneses and not all(isinstance(op, Genesis | Add | SetProfile) for op in entry.ops):
        raise Untrusted("combination", "beside op 1 stand only added devices and a profile")
    for kind in _ONCE:
        if len(ops_of(entry, kind)) > 1:
            raise Untrusted("combination", "ops 4 to 9 stand once in an entry")
    if ops_of(entry, Recover) and not all(isinstance(op, Recover | Move) for op in entry.ops):
        raise Untrusted("combination", "op 5 stands alone or with a move")
    if ops_of(entry, End) and len(entry.ops) > 1:
        raise Untrusted("combination", "op 9 stands alone")
    _check_delayed(state, entry)


def _check_delayed(state: State | None, entry: Entry) -> None:
    if not any(op.delayed for op in ops_of(entry, ChangeRecovery)):
        return
    if state is not None and state.pending is not None:
        raise Untrusted("combination", "a delayed recovery key waits already")
    if ops_of(entry, Move):
        raise Untrusted("combination", "a delayed recovery key is not named with a move")


def check_signer(state: State | None, entry: Entry) -> None:
    """Check that a full device writes: an active one, or the one that op 1 or 5 brings."""
    device = signer_of(state, entry)
    if device is None:
        raise Untrusted("signer", "the device that writes is not active")
    if device.id != entry.by:
        raise Untrusted("signer", "a first or recovering entry is written by its own device")
    if device.kind is not Kind.FULL:
        raise Untrusted("signer", "only a full device may write")


def check_ids(state: State | None, entry: Entry) -> tuple[DeviceRecord, ...]:
    """Return the devices as they are after the entry."""
    records = {} if state is None else {each.device.id: each for each in state.devices}
    named: set[DeviceId] = set()
    for op in entry.ops:
        match op:
            case Genesis(device=device) | Add(device=device):
                _bring(records, device, entry)
                named.add(device.id)
            case Recover(device=device, kept=kept):
                _drop_all_but(records, kept, entry)
                _bring(records, device, entry)
            case Remove(device_id, reason, since):
                record = records.get(device_id)
                if record is None or record.removal is not None or device_id in named:
                    raise Untrusted("id", "no such active device to remove")
                removal = Removal(entry.seq, entry.time, reason, since)
                records[device_id] = replace(record, removal=removal)
                named.add(device_id)
            case _:
                pass
    return tuple(records.values())


def _bring(records: dict[DeviceId, DeviceRecord], device: Device, entry: Entry) -> None:
    if device.id in records:
        raise Untrusted("id", "a device id is used again")
    records[device.id] = DeviceRecord(device, entry.seq)


def _drop_all_but(
    records: dict[DeviceId, DeviceRecord], kept: tuple[DeviceId, ...], entry: Entry
) -> None:
    active = {each for each, record in records.items() if record.removal is None}
    if not active.issuperset(kept):
        raise Untrusted("id", "no such active device to keep")
    for device_id in active.difference(kept):
        removal = Removal(entry.seq, entry.time, Reason.LOST, entry.time)
        records[device_id] = replace(records[device_id], removal=removal)


def check_keys(state: State | None, entry: Entry) -> frozenset[bytes]:
    """Return every public key seen up to and including the entry."""
    seen = set(() if state is None else state.keys_seen)
    for key in _keys_named(entry.ops):
        if key in seen:
            raise Untrusted("reused-key", "a public key is used again")
        seen.add(key)
    return frozenset(seen)


def _keys_named(ops: tuple[Op, ...]) -> Iterable[bytes]:
    for op in ops:
        match op:
            case Genesis(identity_pk=one, recovery_pk=two, device=device):
                yield from (one, two, device.sign_pk)
            case Recover(identity_pk=one, recovery_pk=two, device=device):
                yield from (one, two, device.sign_pk)
            case Add(device):
                yield device.sign_pk
            case Rotate(identity_pk):
                yield identity_pk
            case ChangeRecovery(recovery_pk=recovery_pk):
                yield recovery_pk
            case Remove() | SetProfile() | Move() | End() | Extension() | Unsupported():
                pass


def check_devices_left(entry: Entry, devices: tuple[DeviceRecord, ...]) -> None:
    """Check what the entry leaves: no full device gone without a rotation, one full one left."""
    removed = {op.device_id for op in ops_of(entry, Remove)}
    full_removed = any(
        each.device.kind is Kind.FULL for each in devices if each.device.id in removed
    )
    if full_removed and not ops_of(entry, Rotate):
        raise Untrusted("combination", "who removes a full device rotates the identity key")
    active = [each.device for each in devices if each.removal is None]
    if len(active) > ACTIVE_DEVICES_MAX:
        raise Untrusted("size", f"more than {ACTIVE_DEVICES_MAX} active devices")
    if not any(device.kind is Kind.FULL for device in active):
        raise Untrusted("no-full-device", "no full device would be left")
