"""Makes entries of one's own passport.  What is made here, `chain` verifies.

Two layers: drafts and role signatures, for when the keys lie on two devices (linking), and whole
signed entries, for when one device holds all that must sign.  Keys and ids are passed in.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from nacl.signing import SigningKey

from mx_core.model.address import Address
from mx_core.model.ids import DeviceId, Pid
from mx_core.notation.signing import passport_role, sign
from mx_core.passport.entry import Entry, RoleSignature, SignedEntry
from mx_core.passport.op import (
    Add,
    ChangeRecovery,
    Device,
    End,
    Genesis,
    Kind,
    Move,
    Op,
    Profile,
    Reason,
    Recover,
    Remove,
    Rotate,
    SetProfile,
    number_of,
)
from mx_core.passport.roles import (
    BY,
    IDENTITY,
    NEW_DEVICE,
    NEW_IDENTITY,
    NEW_RECOVERY,
    RECOVERY,
)
from mx_core.passport.state import State

__all__ = [
    "BY",
    "IDENTITY",
    "NEW_DEVICE",
    "NEW_IDENTITY",
    "NEW_RECOVERY",
    "RECOVERY",
    "NewKeys",
    "Writer",
    "add_device",
    "assemble",
    "change_recovery",
    "draft",
    "end",
    "genesis",
    "move",
    "recover",
    "remove_device",
    "rotate_identity",
    "set_profile",
    "sign_role",
]


class Writer(Struct, frozen=True):
    """The full device that writes an entry, with the keys it holds."""

    device_id: DeviceId
    device_key: SigningKey
    identity_key: SigningKey


def genesis(
    address: Address,
    identity: SigningKey,
    recovery: SigningKey,
    device: SigningKey,
    device_id: DeviceId,
    now: float,
) -> bytes:
    """Return the SignedEntry that begins a passport for *address*, in canonical form."""
    first = Device(device_id, bytes(device.verify_key), Kind.FULL)
    op = Genesis(bytes(identity.verify_key), bytes(recovery.verify_key), address.canonical(), first)
    entry = Entry(0, int(now), device_id, (op,)).encode()
    return assemble(
        entry,
        [
            sign_role(entry, IDENTITY, identity),
            sign_role(entry, BY, device),
            sign_role(entry, RECOVERY, recovery),
        ],
    )


def add_device(
    state: State, writer: Writer, device: Device, device_key: SigningKey, now: float
) -> bytes:
    """Return the SignedEntry that adds *device*, whose key is at hand (otherwise `draft`)."""
    entry = draft(state, writer.device_id, [Add(device)], now)
    return assemble(entry, [*_written(entry, writer), sign_role(entry, NEW_DEVICE, device_key)])


def remove_device(
    state: State,
    writer: Writer,
    device_id: DeviceId,
    reason: Reason,
    now: float,
    *,
    since: int | None = None,
    new_identity: SigningKey | None = None,
) -> bytes:
    """Return the SignedEntry that removes a device.

    *new_identity* is demanded for a full device, because it held the identity key; *since* for a
    lost or stolen one.
    """
    ops: list[Op] = [Remove(device_id, reason, since)]
    if new_identity is not None:
        ops.append(Rotate(bytes(new_identity.verify_key)))
    return _write(state, writer, ops, now, new_identity)


def rotate_identity(state: State, writer: Writer, new_identity: SigningKey, now: float) -> bytes:
    """Return the SignedEntry that replaces the identity key."""
    return _write(state, writer, [Rotate(bytes(new_identity.verify_key))], now, new_identity)


def set_profile(state: State, writer: Writer, profile: Profile, now: float) -> bytes:
    """Return the SignedEntry that replaces the profile."""
    return _write(state, writer, [SetProfile(profile)], now, None)


def change_recovery(
    state: State, writer: Writer, new: SigningKey, now: float, *, old: SigningKey | None
) -> bytes:
    """Return the SignedEntry that names a new recovery key.

    Without the *old* one, because the sheet is lost, it counts in 30 days only.
    """
    op = ChangeRecovery(bytes(new.verify_key), delayed=old is None)
    entry = draft(state, writer.device_id, [op], now)
    signatures = [*_written(entry, writer), sign_role(entry, NEW_RECOVERY, new)]
    if old is not None:
        signatures.append(sign_role(entry, RECOVERY, old))
    return assemble(entry, signatures)


def move(state: State, writer: Writer, address: Address, recovery: SigningKey, now: float) -> bytes:
    """Return the SignedEntry that moves the passport to *address*, in canonical form."""
    return _with_sheet(state, writer, Move(address.canonical()), recovery, now)


def end(
    state: State,
    writer: Writer,
    recovery: SigningKey,
    now: float,
    *,
    reason: int = 0,
    successor: Pid | None = None,
) -> bytes:
    """Return the SignedEntry that ends the passport."""
    return _with_sheet(state, writer, End(reason, successor), recovery, now)


class NewKeys(Struct, frozen=True):
    """What a recovery brings: a new device and new keys of the person."""

    device_id: DeviceId
    device: SigningKey
    identity: SigningKey
    recovery: SigningKey


def recover(
    state: State,
    sheet: SigningKey,
    new: NewKeys,
    kept: Iterable[DeviceId],
    now: float,
    *,
    address: Address | None = None,
) -> bytes:
    """Return the SignedEntry by which the *sheet* alone gives the passport to a new device.

    Devices not *kept* count as lost; with *address* the passport moves in the same entry.
    """
    device = Device(new.device_id, bytes(new.device.verify_key), Kind.FULL)
    ops: list[Op] = [
        Recover(
            bytes(new.identity.verify_key),
            bytes(new.recovery.verify_key),
            device,
            tuple(sorted(kept)),
        )
    ]
    if address is not None:
        ops.append(Move(address.canonical()))
    entry = draft(state, new.device_id, ops, now)
    return assemble(
        entry,
        [
            sign_role(entry, NEW_IDENTITY, new.identity),
            sign_role(entry, BY, new.device),
            sign_role(entry, RECOVERY, sheet),
            sign_role(entry, NEW_RECOVERY, new.recovery),
        ],
    )


def draft(state: State, by: DeviceId, ops: Iterable[Op], now: float) -> bytes:
    """Return the octets of the entry that would follow *state*, for its signers.

    A clock slightly behind the entry before is overruled by it: time never goes back.
    """
    return Entry(
        seq=state.seq + 1,
        time=max(int(now), state.time),
        by=by,
        ops=tuple(sorted(ops, key=number_of)),
        pid=state.pid,
        prev=state.head,
    ).encode()


def sign_role(entry: bytes, role: int, key: SigningKey) -> RoleSignature:
    """Return the signature of *key* in *role* over the octets of an entry."""
    return RoleSignature(role, bytes(key.verify_key), sign(key, passport_role(role), entry))


def assemble(entry: bytes, signatures: Iterable[RoleSignature]) -> bytes:
    """Return the SignedEntry, its signatures in their order."""
    return SignedEntry(entry, tuple(sorted(signatures))).octets


def _write(
    state: State,
    writer: Writer,
    ops: Iterable[Op],
    now: float,
    new_identity: SigningKey | None,
) -> bytes:
    entry = draft(state, writer.device_id, ops, now)
    signatures = _written(entry, writer)
    if new_identity is not None:
        signatures.append(sign_role(entry, NEW_IDENTITY, new_identity))
    return assemble(entry, signatures)


def _with_sheet(state: State, writer: Writer, op: Op, recovery: SigningKey, now: float) -> bytes:
    entry = draft(state, writer.device_id, [op], now)
    return assemble(entry, [*_written(entry, writer), sign_role(entry, RECOVERY, recovery)])


def _written(entry: bytes, writer: Writer) -> list[RoleSignature]:
    return [
        sign_role(entry, IDENTITY, writer.identity_key),
        sign_role(entry, BY, writer.device_key),
    ]
