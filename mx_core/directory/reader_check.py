"""The reader's check: whose key must have signed an arrived message, and what it is worth.

From what is stapled inside the envelope, or from the pinned chain when the sender left the proof
out because we hold it.  A look-up is never caused by arriving mail (identity §8): all that is
asked for is here already.  Pure.  Spec/card §5.

The verdict comes before the message's own signature is checked, with the key it names: nothing
of it is kept (not the pin either) until `envelope.open.verify_statement` has said yes.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from functools import lru_cache
from typing import Final

from msgspec import Struct

from mx_core.directory.proving import WatchedLog, prove
from mx_core.model.address import Address
from mx_core.model.errors import Untrusted
from mx_core.model.ids import DeviceId, Pid
from mx_core.notation import cbor
from mx_core.passport.binding import Attestation
from mx_core.passport.card import Card
from mx_core.passport.chain import SKEW_SECONDS, verify_chain
from mx_core.passport.entry import SignedEntry, decode_chain, encode_chain
from mx_core.passport.state import State
from mx_core.tlog.log_proof import Logged
from mx_core.trust.decide import Cause, Decision, Level, conflict_with, decide
from mx_core.trust.device import Standing, judge_device
from mx_core.trust.pin import Pin, Tier, advance, first_use


class SenderClaim(Struct, frozen=True):
    """What the statement says of its sender: S.1, 2, 3, 13, 14 and 5.  Unverified."""

    address: Address
    pid: Pid
    device_id: DeviceId
    seq: int
    head: bytes
    created: int  # unix seconds


class Trust(Enum):
    """How far the sender is believed."""

    FIRST = "first"  # proved, never seen before
    IMPLICIT = "implicit"
    ENDORSED = "endorsed"
    VERIFIED = "verified"
    REMOVED_DEVICE = "removed-device"  # marked, to Requests, never verified
    HELD = "held"  # proved, but against what is remembered: marked, and the person decides


class SenderVerdict(Struct, frozen=True):
    """Whose signature to check, how far to believe it, and what to remember if it verifies."""

    sign_pk: bytes
    state: State
    trust: Trust
    decision: Decision
    pin: Pin
    chain: bytes
    logged: Logged | None  # what the domain's log showed, to be held against what was seen of it

    @property
    def notes(self) -> tuple[Cause, ...]:
        """What changed since the pin, for the status and the note."""
        return self.decision.causes


class _Judged(Struct, frozen=True):
    """The newest state that is known to be theirs, its chain, and how it stands to the pin."""

    state: State
    chain: bytes
    decision: Decision


_CHAINS_KEPT: Final = 64
_QUIET: Final = Decision(Level.QUIET)
_TRUST_OF: Final = {
    Tier.IMPLICIT: Trust.IMPLICIT,
    Tier.ENDORSED: Trust.ENDORSED,
    Tier.VERIFIED: Trust.VERIFIED,
}


def verify_sender(
    proof: bytes | None,
    claim: SenderClaim,
    *,
    domain_keys: Sequence[bytes],
    pin: Pin | None,
    now: float,
    known_chain: bytes = b"",
    log: WatchedLog | None = None,
) -> SenderVerdict:
    """Return the verdict on the sender that *claim* names.

    *domain_keys* are the active keys of the claimed address's domain; *pin* and *known_chain*
    are what is remembered of that address, *log* of its domain's log; *now* is when the message arrived.

    Raises:
        Untrusted: The class of the first step that fails (spec/card §5); the message is put
            aside, because nobody is proved to have written it.
    """
    logged: Logged | None = None
    if proof is None:
        judged = _by_memory(claim, pin, known_chain, now)
    else:
        shown, chain, logged = _shown(proof, claim, domain_keys, now, log)
        judged = _against_pin(_Judged(shown, chain, _QUIET), pin, known_chain, now)
    record = judged.state.record(claim.device_id)
    if record is None or not record.active_at(claim.seq):
        raise Untrusted("device", "the device that signed was not one of the sender's")
    standing = judge_device(record, created=claim.created, received=now, knew_at=now)
    trust = _trust(pin, judged.decision, standing)
    kept = trust in {Trust.HELD, Trust.REMOVED_DEVICE} and pin is not None
    return SenderVerdict(
        sign_pk=record.device.sign_pk,
        state=judged.state,
        trust=trust,
        decision=judged.decision,
        pin=pin if pin is not None and kept else _moved(pin, judged.state, now),
        chain=known_chain if kept else judged.chain,
        logged=logged,
    )


def is_ahead(proof: bytes | None, now: float) -> bool:
    """Tell whether *proof* is of a time that has not come here: this clock may be behind.

    Refused now, it may be good later, so whoever reads keeps the message until then.
    """
    if proof is None:
        return False
    try:
        issued = Attestation.read(cbor.decode(Card.decode(proof).attestation)).issued
    except Untrusted:
        return False
    return issued > now + SKEW_SECONDS


# ── what the proof shows ─────────────────────────────────────────────────────────────
def _shown(
    proof: bytes,
    claim: SenderClaim,
    domain_keys: Sequence[bytes],
    now: float,
    log: WatchedLog | None,
) -> tuple[State, bytes, Logged | None]:
    card = Card.decode(proof)
    if card.epochs:
        raise Untrusted("format", "a proof holds no epochs")
    proved = prove(
        card,
        name=claim.address,
        domain_keys=domain_keys,
        now=now,
        judged_at=claim.created,
        log=log,
    )
    state = proved.state
    if (state.pid, state.seq, state.head) != (claim.pid, claim.seq, claim.head):
        raise Untrusted("binding", "the proof is not of the passport that the message names")
    return state, _chain_of(card.entries), proved.logged


@lru_cache(maxsize=_CHAINS_KEPT)
def _chain_of(entries: tuple[bytes, ...]) -> bytes:
    return encode_chain([SignedEntry.decode(entry) for entry in entries])


def _against_pin(shown: _Judged, pin: Pin | None, known_chain: bytes, now: float) -> _Judged:
    if pin is None:
        return shown
    if conflict_with(pin, shown.state) is not Cause.ROLLBACK:
        return _Judged(shown.state, shown.chain, decide(pin, shown.state, now=now))
    # Older than what we hold: on its way while the passport changed, if it is a part of that.
    known = _remembered(pin, known_chain, now)
    if known is None:
        return _Judged(shown.state, shown.chain, Decision(Level.HOLD, (Cause.ROLLBACK,)))
    if known.heads[shown.state.seq] != shown.state.head:
        return _Judged(shown.state, shown.chain, Decision(Level.HOLD, (Cause.FORK,)))
    return _Judged(known, known_chain, _QUIET)


# ── what is remembered ───────────────────────────────────────────────────────────────
def _by_memory(claim: SenderClaim, pin: Pin | None, known_chain: bytes, now: float) -> _Judged:
    known = None if pin is None else _remembered(pin, known_chain, now)
    if known is None or (known.pid, known.address) != (claim.pid, claim.address):
        raise Untrusted("no-proof", "no proof came along, and none is remembered")
    if claim.seq > known.seq:
        raise Untrusted("no-proof", "no proof came along, and the remembered one is older")
    if known.heads[claim.seq] != claim.head:
        raise Untrusted("fork", "the message names a passport that contradicts the remembered one")
    return _Judged(known, known_chain, _QUIET)


def _remembered(pin: Pin, known_chain: bytes, now: float) -> State | None:
    """Return the pinned state, or None if the chain beside the pin is not there (a cache)."""
    try:
        state = verify_chain(decode_chain(known_chain), now=now)
    except Untrusted:
        return None
    return state if conflict_with(pin, state) is None else None


# ── the verdict ──────────────────────────────────────────────────────────────────────
def _trust(pin: Pin | None, decision: Decision, standing: Standing) -> Trust:
    if decision.holds:
        return Trust.HELD
    if standing is Standing.REMOVED:
        return Trust.REMOVED_DEVICE
    return Trust.FIRST if pin is None else _TRUST_OF[pin.tier]


def _moved(pin: Pin | None, state: State, now: float) -> Pin:
    return first_use(state, now=now) if pin is None else advance(pin, state, now=now)
