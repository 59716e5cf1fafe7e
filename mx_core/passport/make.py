"""Makes entries of one's own passport.  What is made here, `chain` verifies.

Two layers: drafts and role signatures, for when the keys lie on two devices (linking), and whole
signed entries, for when one device holds all that must sign.  Keys and ids are passed in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nacl.signing import SigningKey

from mx_core.model.address import Address
from mx_core.model.ids import DeviceId
from mx_core.notation.signing import passport_role, sign
from mx_core.passport.entry import Entry, RoleSignature, SignedEntry
from mx_core.passport.op import (
    Add,
    Device,
    Genesis,
    Kind,
    Op,
    Reason,
    Remove,
    Rotate,
    number_of,
)
from mx_core.passport.state import State

IDENTITY, NEW_IDENTITY, BY, NEW_DEVICE, RECOVERY, NEW_RECOVERY = range(1, 7)  # roles, identity §2


@dataclass(frozen=True, slots=True)
class Writer:
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


def _written(entry: bytes, writer: Writer) -> list[RoleSignature]:
    return [
        sign_role(entry, IDENTITY, writer.identity_key),
        sign_role(entry, BY, writer.device_key),
    ]
