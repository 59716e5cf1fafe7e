"""Step 5 of chain verification: what an entry does to the state.  Spec/passport §4.

Nothing is judged here; the entry was.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from mx_core.passport.entry import Entry, SignedEntry, pid_of
from mx_core.passport.op import (
    Add,
    ChangeRecovery,
    End,
    Extension,
    Genesis,
    Move,
    Recover,
    Remove,
    Rotate,
    SetProfile,
    Unsupported,
)
from mx_core.passport.roles import asks_for_recovery
from mx_core.passport.rules import ops_of
from mx_core.passport.state import (
    REMOVAL_KIND,
    Change,
    ChangeKind,
    DeviceRecord,
    PendingRecovery,
    State,
)

DELAY_SECONDS: Final = 30 * 86_400


def matured(state: State, time: int) -> State:
    """Return *state* as an entry of *time* meets it: a pending key whose date has come counts."""
    pending = state.pending
    if pending is None or time < pending.from_time:
        return state
    return replace(state, recovery_pk=pending.recovery_pk, delayed_seq=pending.seq, pending=None)


def begun(signed: SignedEntry) -> State:
    """Return the state before genesis takes effect; what it names is in it already."""
    (genesis,) = ops_of(signed.entry, Genesis)
    return State(
        pid=pid_of(signed.entry_octets),
        address=genesis.address,
        identity_pk=genesis.identity_pk,
        recovery_pk=genesis.recovery_pk,
        time=signed.entry.time,
        heads=(),
        devices=(),
        keys_seen=frozenset(),
        chain_octets=0,
    )


def applied(
    before: State,
    signed: SignedEntry,
    devices: tuple[DeviceRecord, ...],
    keys_seen: frozenset[bytes],
    chain_octets: int,
) -> State:
    """Return *before* with everything that the entry says."""
    entry = signed.entry
    after = replace(
        before,
        time=entry.time,
        heads=(*before.heads, signed.head),
        devices=devices,
        keys_seen=keys_seen,
        chain_octets=chain_octets,
        changes=before.changes + tuple(_changes(before, entry)),
    )
    if asks_for_recovery(entry):
        after = replace(after, pending=None)
    for op in entry.ops:
        match op:
            case Rotate(identity_pk):
                after = replace(after, identity_pk=identity_pk)
            case Recover(identity_pk=identity_pk, recovery_pk=recovery_pk):
                after = replace(
                    after, identity_pk=identity_pk, recovery_pk=recovery_pk, delayed_seq=None
                )
            case ChangeRecovery(recovery_pk, delayed):
                after = _with_recovery(after, entry, recovery_pk, delayed=delayed)
            case SetProfile(profile):
                after = replace(after, profile=profile)
            case Move(address):
                after = replace(after, address=address, former=(*after.former, after.address))
            case End(successor=successor):
                after = replace(after, ended=True, successor=successor)
            case Genesis() | Add() | Remove() | Extension() | Unsupported():
                pass
    return after


def _with_recovery(state: State, entry: Entry, recovery_pk: bytes, *, delayed: bool) -> State:
    if delayed:
        pending = PendingRecovery(recovery_pk, entry.seq, entry.time + DELAY_SECONDS)
        return replace(state, pending=pending)
    return replace(state, recovery_pk=recovery_pk, delayed_seq=None)


def _changes(before: State, entry: Entry) -> Iterable[Change]:
    if before.delayed_seq is not None and asks_for_recovery(entry):
        yield Change(entry.seq, ChangeKind.DELAYED_KEY_USED, before.delayed_seq)
    for op in entry.ops:
        match op:
            case Add():
                yield Change(entry.seq, ChangeKind.DEVICE_ADDED)
            case Remove(reason=reason):
                yield Change(entry.seq, REMOVAL_KIND[reason])
            case Rotate():
                yield Change(entry.seq, ChangeKind.IDENTITY_ROTATED)
            case Recover():
                yield Change(entry.seq, ChangeKind.RECOVERED)
            case ChangeRecovery():
                yield Change(entry.seq, ChangeKind.RECOVERY_CHANGED)
            case SetProfile(profile):
                lowered = profile.suite_floor < before.profile.suite_floor
                yield Change(entry.seq, ChangeKind.PROFILE_CHANGED)
                if lowered:
                    yield Change(entry.seq, ChangeKind.SUITE_FLOOR_LOWERED)
            case Move():
                yield Change(entry.seq, ChangeKind.MOVED)
            case End():
                yield Change(entry.seq, ChangeKind.ENDED)
            case Genesis() | Extension() | Unsupported():
                pass
