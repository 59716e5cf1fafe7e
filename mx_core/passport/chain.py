"""Chain verification: signed entries in, the state they prove out.  Identity §2, spec/passport §4.

The one place where a passport is believed.  An entry applies whole or not at all: `extend`
returns a new state or raises, and the state it was given stays as it was.  The steps stand in the
order of identity §2 (1 here, 2 in `rules`, 3 and 4 in `roles`, 5 in `effects`); the first one
that fails names the failure class.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mx_core.model.errors import Untrusted
from mx_core.passport import effects, roles, rules
from mx_core.passport.entry import Entry, SignedEntry
from mx_core.passport.state import State

CHAIN_OCTETS_MAX: Final = 36 * 1024
CHAIN_OCTETS_WARN: Final = 30 * 1024  # time to end this passport with a successor
ENTRIES_MAX: Final = 128
SKEW_SECONDS: Final = 600


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
    if state is not None:
        # provisional: if the entry fails, the caller still holds the state as it was
        state = effects.matured(state, entry.time)
    rules.check_combination(state, entry)
    rules.check_signer(state, entry)
    devices = rules.check_ids(state, entry)
    keys_seen = rules.check_keys(state, entry)
    rules.check_devices_left(entry, devices)
    roles.check_signatures(roles.demanded(state, entry), signed)
    before = effects.begun(signed) if state is None else state
    return effects.applied(before, signed, devices, keys_seen, chain_octets)


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
    if state is not None and state.ended:
        raise Untrusted("ended", "this passport has ended")
