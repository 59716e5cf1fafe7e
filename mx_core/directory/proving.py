"""What a card proves by itself, before any pin is asked: steps 1–4 of identity §3.

The sender's and the reader's check share it; they differ in when the attestation is judged.
"""

from __future__ import annotations

from collections.abc import Iterable

from mx_core.model.address import Address
from mx_core.model.errors import Untrusted
from mx_core.passport.binding import Binding, verify_attestation
from mx_core.passport.card import Card
from mx_core.passport.chain import verify_chain
from mx_core.passport.entry import SignedEntry
from mx_core.passport.state import State


def prove(
    card: Card,
    *,
    name: Address,
    domain_keys: Iterable[bytes],
    now: float,
    judged_at: float,
    log_expected: bool,
) -> State:
    """Return the state that *card* proves for *name*, a canonical address.

    *domain_keys* are the active keys of the name's domain.  *judged_at* is the time at which the
    attestation must not have run out.  *log_expected*: a log key was seen for the domain.

    Raises:
        Untrusted: ``chain`` (the class of spec/passport §4 is its cause), ``moved``, ``binding``,
            ``attest-key``, ``attest-expired`` or ``proof``.
    """
    state = _chain_state(card.entries, now)
    if card.address == name and state.address != name and name in state.former:
        # the person says, signed, where they are now
        raise Untrusted("moved", f"this person has moved to {state.address}")
    if card.address != name or state.address != name:
        raise Untrusted("binding", f"this passport does not belong to {name}")
    verify_attestation(
        card.attestation,
        expected=Binding.of(state),
        domain_keys=domain_keys,
        now=now,
        judged_at=judged_at,
    )
    # a log proof that this version cannot check must not pass for one that it has checked
    if card.log_proof is not None or log_expected:
        raise Untrusted("proof", "this version does not check the proofs of a domain's log")
    return state


def _chain_state(entries: tuple[bytes, ...], now: float) -> State:
    try:
        return verify_chain([SignedEntry.decode(entry) for entry in entries], now=now)
    except Untrusted as error:
        raise Untrusted("chain", f"the passport does not verify: {error}") from error
