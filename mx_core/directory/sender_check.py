"""The sender's check: a looked-up card in, the record to seal by out.  Identity §3, spec/card §4.

Nine steps, each with its own refusal class; whatever fails holds the message, and nothing here
ever leads to sending it in the clear.  Pure: card, keys, pin and clock are passed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from mx_core.directory.proving import WatchedLog, prove
from mx_core.model.address import Address
from mx_core.model.errors import NoUsableEpoch, Untrusted
from mx_core.model.ids import Pid
from mx_core.passport.card import Card
from mx_core.passport.entry import SignedEntry, encode_chain
from mx_core.passport.epoch import SUITE_XWING, Chosen, choose_epochs
from mx_core.passport.op import Profile
from mx_core.passport.state import State
from mx_core.tlog.log_proof import Logged
from mx_core.trust.decide import Cause, Decision, Level, conflict_with, decide
from mx_core.trust.pin import Pin, advance, first_use, seen_at

SUITE_KNOWN: Final = SUITE_XWING  # the highest one that the envelope seals with


class Recipient(Struct, frozen=True):
    """The sender-facing record: a cache row, never signed, rebuilt at will.

    With it what the check leaves behind: `pin` and `chain` are to be kept for the address, and
    `decision` says what the person is told.
    """

    pid: Pid
    seq: int
    head: bytes
    address: Address
    devices: tuple[Chosen, ...]
    suite: int
    profile: Profile
    state: State
    decision: Decision
    pin: Pin
    chain: bytes
    logged: Logged | None  # what the domain's log showed, to be remembered for the domain


def verify_card(
    card: bytes,
    *,
    asked: Address,
    domain_keys: Sequence[bytes],
    pin: Pin | None,
    now: float,
    card_age: float = 0.0,
    log: WatchedLog | None = None,
) -> Recipient:
    """Return the record to seal by, if *card* is the one of *asked*.

    *domain_keys* are the active keys of the discovered domain; *card_age* is how long ago its
    server gave the card, in seconds; *pin* is what is remembered of the address, and *log* of
    the log of its domain.

    Raises:
        Moved: They are at another address now, which is to be asked for (`followed`).
        Untrusted: The class of the first step that fails (spec/card §4); the message is held.
        NoUsableEpoch: ``no-epoch``; the message is deferred.
        BadAddress: *asked* names nobody.
    """
    found = Card.decode(card)
    proved = prove(  # steps 1 to 4
        found,
        name=asked.canonical(),
        domain_keys=domain_keys,
        now=now,
        judged_at=now,
        log=log,
    )
    state, version = proved.state, logged_version(proved.logged)
    if pin is not None:
        check_pin(pin, state, version)  # step 5
    if state.ended:  # step 6
        raise Untrusted("ended", f"the passport of {asked} has ended")
    devices = choose_epochs(state, found.epochs, now, card_age)  # step 7
    if not devices:
        raise NoUsableEpoch(f"no device of {asked} has a key that may be used now")
    suite = common_suite(state.profile, devices)  # step 8
    decision = _consented(pin, state, suite, now)  # step 9
    moved = (
        first_use(state, now=now, suite=suite)
        if pin is None
        else advance(pin, state, now=now, suite=suite)
    )
    return Recipient(
        pid=state.pid,
        seq=state.seq,
        head=state.head,
        address=state.address,
        devices=tuple(devices),
        suite=suite,
        profile=state.profile,
        state=state,
        decision=decision,
        pin=seen_at(moved, version),
        logged=proved.logged,
        chain=encode_chain([SignedEntry.decode(entry) for entry in found.entries]),
    )


def followed(found: Recipient, left: State) -> Recipient:
    """Return *found*, looked up where *left* said that the person went, if it is that person.

    Raises:
        Untrusted: ``other-pid``, ``rollback`` or ``fork`` against what was shown at the old address.
    """
    conflict = conflict_with(first_use(left, now=0), found.state)
    if conflict is not None:
        raise Untrusted(conflict.value, _SENTENCE[conflict])
    return found


def common_suite(profile: Profile, devices: Sequence[Chosen]) -> int:
    """Return the highest suite that all *devices* and we have.

    Raises:
        Untrusted: ``suite``; it is below the floor that the profile sets.
    """
    suite = min([SUITE_KNOWN, *(device.suite for device in devices)])
    if suite < profile.suite_floor:
        raise Untrusted("suite", f"the devices of this person do not all have suite {suite + 1}")
    return suite


def logged_version(logged: Logged | None) -> int:
    """Return the version that the log's map shows; 0 without a log."""
    return 0 if logged is None or logged.value is None else logged.value.version


def check_pin(pin: Pin, state: State, version: int = 0) -> None:
    """Raise Untrusted unless *state*, logged as *version* if it was, comes after the pin."""
    if 0 < version < pin.map_version:
        raise Untrusted(Cause.ROLLBACK.value, _SENTENCE[Cause.ROLLBACK])
    conflict = conflict_with(pin, state)
    if conflict is not None:
        raise Untrusted(conflict.value, _SENTENCE[conflict])


def _consented(pin: Pin | None, state: State, suite: int, now: float) -> Decision:
    if pin is None:
        return Decision(Level.QUIET)
    decision = decide(pin, state, now=now, suite=suite)
    if decision.holds:
        causes = ", ".join(cause.value for cause in decision.causes)
        raise Untrusted("needs-consent", f"the keys of {state.address} changed ({causes})")
    return decision


_SENTENCE: Final = {
    Cause.OTHER_PID: "another passport than the remembered one holds this address",
    Cause.ROLLBACK: "an older state of this passport than the remembered one was shown",
    Cause.FORK: "this passport contradicts the remembered one",
}
