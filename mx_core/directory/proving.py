"""What a card proves by itself, before any pin is asked: steps 1–4 of identity §3.

The sender's and the reader's check share it; they differ in when the attestation is judged.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from msgspec import Struct

from mx_core.model.address import Address
from mx_core.model.errors import Untrusted
from mx_core.passport.binding import Attestation, Binding, verify_attestation
from mx_core.passport.card import Card
from mx_core.passport.chain import SKEW_SECONDS, verify_chain
from mx_core.passport.entry import SignedEntry
from mx_core.passport.state import State
from mx_core.tlog.log_proof import Logged, LogKeys, LogProof, Seen, freshness

AGE_SECONDS_MAX: Final = 48 * 3_600  # of what a log shows, identity §4
_CHAINS_KEPT: Final = 256


class WatchedLog(Struct, frozen=True):
    """The log that a domain is known to run, and what was accepted of it before."""

    keys: LogKeys
    seen: Seen | None = None  # None: judged later, or nothing seen yet
    shown: Logged | None = None  # what this very card's proof showed when it came


class Proved(Struct, frozen=True):
    """What a card proves; *logged* is None for a domain that runs no log."""

    state: State
    logged: Logged | None


class Moved(Untrusted):
    """The person says, signed, that they are at another address; follow them.  Spec/card §4."""

    def __init__(self, state: State) -> None:
        """*state* is what the domain of the old address attests; its address is the new one."""
        super().__init__("moved", f"this person has moved to {state.address}")
        self.state = state


def prove(
    card: Card,
    *,
    name: Address,
    domain_keys: Iterable[bytes],
    now: float,
    judged_at: float,
    log: WatchedLog | None,
) -> Proved:
    """Return what *card* proves for *name*, a canonical address.

    *domain_keys* are the active keys of the name's domain.  *judged_at* is the time at which the
    attestation must not have run out.  *log*: a log key was seen for the domain.

    Raises:
        Moved: Everything proves itself, and *name* is an address that the person has left.
        Untrusted: ``chain`` (the class of spec/passport §4 is its cause), ``binding``, ``attest-key``, ``attest-expired``, ``proof`` (the class of spec/transparency §5 is
            its cause) or ``stale``.
    """
    state = _chain_state(card.entries, now)
    has_moved = state.address != name and name in state.former
    if card.address != name or not (has_moved or state.address == name):
        raise Untrusted("binding", f"this passport does not belong to {name}")
    attestation = verify_attestation(
        card.attestation,
        expected=Binding.of(state, name),
        domain_keys=domain_keys,
        now=now,
        judged_at=judged_at,
    )
    logged = _logged(card, attestation, log, judged_at)
    if has_moved:
        raise Moved(state)
    return Proved(state, logged)


@lru_cache(maxsize=_CHAINS_KEPT)
def _known_chain(entries: tuple[bytes, ...]) -> State:
    """Return what the entries prove once their time has come: that never changes."""
    return verify_chain([SignedEntry.decode(entry) for entry in entries], now=math.inf)


def _logged(
    card: Card, attestation: Attestation, log: WatchedLog | None, judged_at: float
) -> Logged | None:
    if log is None:
        if card.log_proof is not None:
            raise Untrusted("proof", "a log proof of a domain that names no key for it")
        return None
    logged = log.shown or _proved(card, attestation, log)
    if freshness(logged, attestation.issued, judged_at, log.keys.witnesses) > AGE_SECONDS_MAX:
        raise Untrusted("stale", f"what the log of {card.address.domain} shows is too old")
    return logged


def _proved(card: Card, attestation: Attestation, log: WatchedLog) -> Logged:
    if card.log_proof is None:
        raise Untrusted("proof", f"{card.address.domain} does not prove that this key is logged")
    try:
        return LogProof.decode(card.log_proof).verify(
            log.keys, card.address, attestation.binding.encode(), log.seen
        )
    except Untrusted as error:
        raise Untrusted(
            "proof", f"the log of {card.address.domain} does not prove it: {error}"
        ) from error


def _chain_state(entries: tuple[bytes, ...], now: float) -> State:
    try:
        state = _known_chain(entries)
        if state.time <= now + SKEW_SECONDS:
            return state
    except Untrusted:
        pass  # which check fails first may depend on the time
    try:
        return verify_chain([SignedEntry.decode(entry) for entry in entries], now=now)
    except Untrusted as error:
        raise Untrusted("chain", f"the passport does not verify: {error}") from error
