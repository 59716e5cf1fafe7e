"""Chain verification: signed entries in, the state they prove out.  Identity §2, spec/passport §4.

The one place where a passport is believed.  An entry applies whole or not at all: `extend`
returns a new state or raises, and the state it was given stays as it was.  The steps below stand
in the order of identity §2; the first one that fails names the failure class.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from mx_core.model.errors import Untrusted
from mx_core.model.ids import DeviceId
from mx_core.notation.signing import passport_role, verify
from mx_core.passport.entry import Entry, SignedEntry, pid_of
from mx_core.passport.op import (
    Add,
    Device,
    Extension,
    Genesis,
    Kind,
    Op,
    Remove,
    Rotate,
    Unsupported,
)
from mx_core.passport.state import (
    REMOVAL_KIND,
    Change,
    ChangeKind,
    DeviceRecord,
    Removal,
    State,
)

CHAIN_OCTETS_MAX: Final = 36 * 1024
CHAIN_OCTETS_WARN: Final = 30 * 1024  # time to end this passport with a successor
ENTRIES_MAX: Final = 128
ACTIVE_DEVICES_MAX: Final = 8
SKEW_SECONDS: Final = 600

_IDENTITY, _NEW_IDENTITY, _BY, _NEW_DEVICE, _RECOVERY = 1, 2, 3, 4, 5  # roles

Demanded = frozenset[tuple[int, bytes]]  # (role, public key)


def verify_chain(entries: Sequence[bytes | SignedEntry], *, now: float) -> State:
    """Return the state that *entries*, from genesis on, prove at *now*.

    Raises:
        Untrusted: With the failure class of the first check that fails (spec/passport §4).
    """
    state: State | None = None
    for signed in entries:
        state = extend(state, signed, now)
    if state is None:
        raise Untrusted("seq", "a passport without its first entry")
    return state


def extend(state: State | None, signed_entry: bytes | SignedEntry, now: float) -> State:
    """Return the state after one more entry; *state* is None before genesis.

    Raises:
        Untrusted: As `verify_chain`; the old state still holds.
    """
    chain_octets = _check_room(state, signed_entry)
    signed = SignedEntry.decode(signed_entry) if isinstance(signed_entry, bytes) else signed_entry
    entry = signed.entry
    _check_place(state, entry)
    _check_time(state, entry, now)
    _check_combination(entry)
    _check_signer(state, entry)
    devices = _check_ids(state, entry)
    keys_seen = _check_keys(state, entry)
    _check_devices_left(entry, devices)
    _check_roles(_demanded(state, entry), signed)
    for each in signed.signatures:
        verify(each.public_key, passport_role(each.role), signed.entry_octets, each.signature)
    return _apply(state, signed, devices, keys_seen, chain_octets)


def accept(state: State | None, signed_entry: bytes | SignedEntry, now: float) -> State:
    """Return what `extend` does, for a server: the entry must also be fresh (identity §2).

    Raises:
        Untrusted: As `extend`, and ``time`` if it was written more than ten minutes ago.
    """
    after = extend(state, signed_entry, now)
    if after.time < now - SKEW_SECONDS:
        raise Untrusted("time", "an entry of the past; the clock of the device may be wrong")
    return after


# ── step 1: the entry follows the last one ───────────────────────────────────────────
def _check_room(state: State | None, signed: bytes | SignedEntry) -> int:
    length = len(signed if isinstance(signed, bytes) else signed.octets)
    total = length + (0 if state is None else state.chain_octets)
    if total > CHAIN_OCTETS_MAX:
        raise Untrusted("size", f"a chain of more than {CHAIN_OCTETS_MAX} octets")
    if state is not None and len(state.heads) >= ENTRIES_MAX:
        raise Untrusted("size", f"a chain of more than {ENTRIES_MAX} entries")
    return total


def _check_place(state: State | None, entry: Entry) -> None:
    expected = 0 if state is None else state.seq + 1
    if entry.seq != expected:
        raise Untrusted("seq", f"entry {entry.seq} where {expected} should stand")
    if state is None:
        return
    if entry.prev != state.head:
        raise Untrusted("prev", f"entry {entry.seq} does not follow the entry before it")
    if entry.pid != state.pid:
        raise Untrusted("pid", f"entry {entry.seq} belongs to another passport")


def _check_time(state: State | None, entry: Entry, now: float) -> None:
    if state is not None and entry.time < state.time:
        raise Untrusted("time", f"entry {entry.seq} is older than the entry before it")
    if entry.time > now + SKEW_SECONDS:
        raise Untrusted("time", f"entry {entry.seq} is from the future")


# ── step 2: who writes, and about what ───────────────────────────────────────────────
def _check_combination(entry: Entry) -> None:
    # an op without a rule comes first: it could change what is asked of all the others
    for op in entry.ops:
        if isinstance(op, Unsupported):
            raise Untrusted("unknown-op", f"op {op.number} needs a newer version")
    geneses = _of(entry, Genesis)
    if (entry.seq == 0) != (len(geneses) == 1) or len(geneses) > 1:
        raise Untrusted("combination", "op 1 stands once, in the first entry only")
    if geneses and not all(isinstance(op, Genesis | Add) for op in entry.ops):
        raise Untrusted("combination", "the first entry may only add devices beside op 1")
    if len(_of(entry, Rotate)) > 1:
        raise Untrusted("combination", "an entry rotates the identity key once")


def _check_signer(state: State | None, entry: Entry) -> None:
    device = _signer(state, entry)
    if device is None:
        raise Untrusted("signer", "the device that writes is not active")
    if device.id != entry.by:
        raise Untrusted("signer", "the first entry is written by its own device")
    if device.kind is not Kind.FULL:
        raise Untrusted("signer", "only a full device may write")


def _check_ids(state: State | None, entry: Entry) -> tuple[DeviceRecord, ...]:
    """Return the devices as they are after the entry."""
    records = {} if state is None else {each.device.id: each for each in state.devices}
    named: set[DeviceId] = set()
    for op in entry.ops:
        match op:
            case Genesis(device=device) | Add(device=device):
                if device.id in records:
                    raise Untrusted("id", "a device id is used again")
                records[device.id] = DeviceRecord(device, entry.seq)
                named.add(device.id)
            case Remove(device_id, reason, since):
                record = records.get(device_id)
                if record is None or record.removal is not None or device_id in named:
                    raise Untrusted("id", "no such active device to remove")
                removal = Removal(entry.seq, entry.time, reason, since)
                records[device_id] = replace(record, removal=removal)
                named.add(device_id)
            case Rotate() | Extension() | Unsupported():
                pass
    return tuple(records.values())


def _check_keys(state: State | None, entry: Entry) -> frozenset[bytes]:
    """Return every public key seen up to and including the entry."""
    seen = set(() if state is None else state.keys_seen)
    for key in _keys_named(entry.ops):
        if key in seen:
            raise Untrusted("reused-key", "a public key is used again")
        seen.add(key)
    return frozenset(seen)


def _check_devices_left(entry: Entry, devices: tuple[DeviceRecord, ...]) -> None:
    removed = {op.device_id for op in _of(entry, Remove)}
    full_removed = any(
        each.device.kind is Kind.FULL for each in devices if each.device.id in removed
    )
    if full_removed and not _of(entry, Rotate):
        raise Untrusted("combination", "who removes a full device rotates the identity key")
    active = [each.device for each in devices if each.removal is None]
    if len(active) > ACTIVE_DEVICES_MAX:
        raise Untrusted("size", f"more than {ACTIVE_DEVICES_MAX} active devices")
    if not any(device.kind is Kind.FULL for device in active):
        raise Untrusted("no-full-device", "no full device would be left")


# ── steps 3 and 4: exactly the signatures that the ops demand ────────────────────────
def _demanded(state: State | None, entry: Entry) -> Demanded:
    """Return the roles; 1, 3, 5 with the keys before the entry, 2 and 4 with its own."""
    signer = _signer(state, entry)
    demanded = set() if signer is None else {(_BY, signer.sign_pk)}
    for op in entry.ops:
        match op:
            case Genesis(identity_pk, recovery_pk):
                demanded |= {(_IDENTITY, identity_pk), (_RECOVERY, recovery_pk)}
            case Add(device):
                demanded.add((_NEW_DEVICE, device.sign_pk))
            case Rotate(identity_pk):
                demanded.add((_NEW_IDENTITY, identity_pk))
            case Remove() | Extension() | Unsupported():
                pass
    if state is not None:
        demanded.add((_IDENTITY, state.identity_pk))
    return frozenset(demanded)


def _check_roles(demanded: Demanded, signed: SignedEntry) -> None:
    given = [(each.role, each.public_key) for each in signed.signatures]
    missing = demanded.difference(given)
    if missing:
        raise Untrusted("role-missing", f"no signature of role {min(missing)[0]} by its key")
    if len(given) != len(demanded):
        raise Untrusted("role-extra", "a signature that no op asks for")


# ── step 5 ───────────────────────────────────────────────────────────────────────────
def _apply(
    state: State | None,
    signed: SignedEntry,
    devices: tuple[DeviceRecord, ...],
    keys_seen: frozenset[bytes],
    chain_octets: int,
) -> State:
    entry = signed.entry
    if state is None:
        (genesis,) = _of(entry, Genesis)
        state = State(
            pid=pid_of(signed.entry_octets),
            address=genesis.address,
            identity_pk=genesis.identity_pk,
            recovery_pk=genesis.recovery_pk,
            time=entry.time,
            heads=(),
            devices=(),
            keys_seen=frozenset(),
            chain_octets=0,
        )
    identity_pk = next((op.identity_pk for op in _of(entry, Rotate)), state.identity_pk)
    return replace(
        state,
        identity_pk=identity_pk,
        time=entry.time,
        heads=(*state.heads, signed.head),
        devices=devices,
        keys_seen=keys_seen,
        chain_octets=chain_octets,
        changes=state.changes + tuple(_changes(entry)),
    )


def _changes(entry: Entry) -> Iterable[Change]:
    for op in entry.ops:
        match op:
            case Add():
                yield Change(entry.seq, ChangeKind.DEVICE_ADDED)
            case Remove(reason=reason):
                yield Change(entry.seq, REMOVAL_KIND[reason])
            case Rotate():
                yield Change(entry.seq, ChangeKind.IDENTITY_ROTATED)
            case Genesis() | Extension() | Unsupported():
                pass


def _signer(state: State | None, entry: Entry) -> Device | None:
    if state is not None:
        return state.active_device(entry.by)
    return next((op.device for op in _of(entry, Genesis)), None)


def _keys_named(ops: tuple[Op, ...]) -> Iterable[bytes]:
    for op in ops:
        match op:
            case Genesis(identity_pk, recovery_pk, _, device):
                yield from (identity_pk, recovery_pk, device.sign_pk)
            case Add(device):
                yield device.sign_pk
            case Rotate(identity_pk):
                yield identity_pk
            case Remove() | Extension() | Unsupported():
                pass


_O = TypeVar("_O", Genesis, Add, Remove, Rotate)


def _of(entry: Entry, kind: type[_O]) -> list[_O]:
    return [op for op in entry.ops if isinstance(op, kind)]
