"""Pin: what is remembered of a contact's passport.  Identity §6, spec/card §6.

What is pinned is the pid, so a rotation of keys keeps a verification.  The verified chain is kept
beside the pin (`mx_core.passport.entry.encode_chain`), never in it: a pin is at most 2 KiB.
Local data: an octet string that does not decode is our own store's damage, not a peer's doing.
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from mx_core.model.errors import StoreDamaged, Untrusted
from mx_core.model.ids import Pid
from mx_core.notation import cbor
from mx_core.notation.hashing import DIGEST_OCTETS
from mx_core.passport.shape import Fields, array, misshapen, octets, uint
from mx_core.passport.state import State

PIN_OCTETS_MAX: Final = 2048

_FORMAT: Final = 1
_LOG, _PENDING = 5, 11
_ORIGIN_OCTETS_MAX: Final = 300
_KEPT: Final = 256  # each is read several times for a message


class Tier(IntEnum):
    """How the pid came to be believed."""

    IMPLICIT = 1  # first use
    ENDORSED = 2
    VERIFIED = 3  # words compared by two persons


class LogView(Struct, frozen=True):
    """The newest checkpoint seen of the contact's domain log."""

    origin: str
    size: int
    root: bytes


class PendingHeld(Struct, frozen=True):
    """Since when we hold the delayed change of recovery that stands in entry *seq*."""

    seq: int
    since: int  # unix seconds, by our own clock


class Pin(Struct, frozen=True):
    """What the next card or message of this contact is measured against."""

    pid: Pid
    seq: int
    head: bytes
    map_version: int = 0  # none seen yet
    log: LogView | None = None
    highest_suite: int = 1
    tier: Tier = Tier.IMPLICIT
    pending: PendingHeld | None = None

    def encode(self) -> bytes:
        """Return the octets that the store keeps, at most 2 KiB."""
        fields: dict[int, cbor.Value] = {
            0: _FORMAT,
            1: bytes(self.pid),
            2: self.seq,
            3: self.head,
            4: self.map_version,
            6: self.highest_suite,
            7: int(self.tier),
        }
        if self.log is not None:
            fields[_LOG] = [self.log.origin, self.log.size, self.log.root]
        if self.pending is not None:
            fields[_PENDING] = [self.pending.seq, self.pending.since]
        return cbor.encode(fields)

    @classmethod
    def decode(cls, pin_octets: bytes) -> Pin:
        """Return the pin that the store kept.

        Raises:
            StoreDamaged: These octets are no pin of this version.
        """
        return _decoded(bytes(pin_octets))


@lru_cache(maxsize=_KEPT)
def _decoded(pin_octets: bytes) -> Pin:
    try:
        if len(pin_octets) > PIN_OCTETS_MAX:
            raise misshapen("a pin of more than 2 KiB")
        return _read(cbor.decode(pin_octets))
    except Untrusted as error:
        raise StoreDamaged("what is remembered of a contact cannot be read") from error


def first_use(state: State, *, now: float, suite: int = 1) -> Pin:
    """Return the pin of a passport seen for the first time: believed, not yet verified."""
    return Pin(
        state.pid,
        state.seq,
        state.head,
        highest_suite=suite,
        pending=_pending_held(None, state, now),
    )


def advance(pin: Pin, state: State, *, now: float, suite: int = 1) -> Pin:
    """Return *pin* moved to *state*, after `decide` allowed it or the person accepted it.

    A state older than the pinned one (a message on its way while the passport changed) leaves
    the pin as it is.  Another pid begins again at implicit: nothing said of the old one holds.
    """
    if state.pid != pin.pid:
        return first_use(state, now=now, suite=suite)
    if state.seq < pin.seq:
        return pin
    return replace(
        pin,
        seq=state.seq,
        head=state.head,
        highest_suite=max(suite, pin.highest_suite),
        pending=_pending_held(pin.pending, state, now),
    )


def at_least(pin: Pin, tier: Tier) -> Pin:
    """Return *pin* believed as *tier* says, or as before if that was more."""
    return replace(pin, tier=max(pin.tier, tier))


def seen_at(pin: Pin, map_version: int) -> Pin:
    """Return *pin* with the version that the log's map showed; it never goes down."""
    return replace(pin, map_version=max(pin.map_version, map_version))


def accept(pin: Pin, state: State, *, now: float, suite: int = 1, map_version: int = 0) -> Pin:
    """Return the pin after the person accepted *state*, whatever stood against it.

    *map_version* is what the log shows now, which may be lower than before.  The same pid keeps
    what was said of the person; another one begins at first use.  Spec/card §4.
    """
    fresh = seen_at(first_use(state, now=now, suite=suite), map_version)
    if state.pid != pin.pid:
        return fresh
    return replace(
        pin,
        seq=fresh.seq,
        head=fresh.head,
        map_version=fresh.map_version,
        highest_suite=fresh.highest_suite,
        pending=fresh.pending,
    )


def _pending_held(held: PendingHeld | None, state: State, now: float) -> PendingHeld | None:
    """Return since when the delayed change that still matters to *state* is held."""
    seq = state.delayed_seq if state.pending is None else state.pending.seq
    if seq is None:
        return None
    return held if held is not None and held.seq == seq else PendingHeld(seq, int(now))


def _read(value: cbor.Value) -> Pin:
    fields = Fields(value, "Pin", (0, 1, 2, 3, 4, 6, 7), (_LOG, _PENDING))
    fields.uint(0, _FORMAT, _FORMAT)
    return Pin(
        Pid(fields.octets(1, DIGEST_OCTETS)),
        fields.uint(2),
        fields.octets(3, DIGEST_OCTETS),
        fields.uint(4),
        _read_log(fields.value(_LOG)) if fields.has(_LOG) else None,
        fields.uint(6, 1),
        Tier(fields.uint(7, Tier.IMPLICIT, Tier.VERIFIED)),
        _read_pending(fields.value(_PENDING)) if fields.has(_PENDING) else None,
    )


def _read_pending(value: cbor.Value) -> PendingHeld:
    seq, since = array(value, "Pin.11", 2)
    return PendingHeld(uint(seq, "Pin.11"), uint(since, "Pin.11"))


def _read_log(value: cbor.Value) -> LogView:
    origin, size, root = array(value, "Pin.5", 3)
    if not isinstance(origin, str) or len(origin.encode()) > _ORIGIN_OCTETS_MAX:
        raise misshapen("the origin of a log is a short text")
    return LogView(origin, uint(size, "Pin.5"), octets(root, "Pin.5", DIGEST_OCTETS))
