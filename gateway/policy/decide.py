"""One recipient: what is known of their keys, what the person has said, what follows.  Pure.

The one rule that nothing softens but the message itself: whoever was ever on the network gets
no ordinary mail.  Otherwise who can make a domain vanish could read its mail.  spec/policy §2.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from gateway.policy.override import Override
from gateway.policy.rule import Encryption, Level, Setting, Settings, Unreachable
from mx_core.model.address import Address


class Reach(Enum):
    """What a look-up has found."""

    SECURE = "their keys were verified just now"
    ABSENT = "the domain is not on the network"
    UNKNOWN = "the domain is on the network and shows nobody of that name"
    UNREACHABLE = "no answer"
    UNPROVEN = "something did not prove itself"


class Frozen(Enum):
    """How a recipient's copy may leave, decided once; only the first can be reached from the others."""

    NATIVE = "native"  # end-to-end encrypted, or not at all
    ORDINARY = "ordinary"  # as ordinary mail while it is certain that they are not on the network
    OVERRIDE = "override"  # as ordinary mail if it cannot be encrypted: the person's own word


class Verdict(Enum):
    """What is said at RCPT TO."""

    TAKE = "take"
    HOLD = "hold"  # taken, and waits for the person
    REFUSE = "refuse"
    LATER = "later"


class Looked(Struct, frozen=True):
    """A look-up: *known* if they were ever verified, *why* the sentence of a failure."""

    reach: Reach
    known: bool
    why: str = ""
    failure: str = ""  # class of what did not prove itself


class Decision(Struct, frozen=True):
    """What becomes of one recipient; *text* is said at once, *because* is kept."""

    verdict: Verdict
    frozen: Frozen
    text: str
    because: str


def decide(
    recipient: Address,
    looked: Looked,
    settings: Settings,
    override: Override | None = None,
    *,
    relay: bool,
) -> Decision:
    """Return the decision; *relay* tells whether ordinary mail can be sent at all."""
    rule = _said(settings, override)
    if looked.reach is Reach.SECURE:
        return _take(Frozen.NATIVE, "end-to-end encrypted", looked.reach.value)
    if override is Override.ORDINARY:
        if not relay:
            return _refuse(f"{looked.why}; {_NO_RELAY}", rule)
        return _take(Frozen.OVERRIDE, _READABLE, rule.because())
    if looked.reach is Reach.UNPROVEN:
        return _refuse(looked.why, rule)
    if looked.reach is Reach.UNREACHABLE:
        return _unreachable(recipient, looked, settings, rule)
    return _absent(recipient, looked, rule, relay=relay)


def may_leave_as_ordinary(looked: Looked, settings: Settings) -> bool:
    """Tell whether a copy frozen as ordinary still may: a rule can have become stricter since."""
    return (
        looked.reach in {Reach.ABSENT, Reach.UNKNOWN}
        and not looked.known
        and settings.encryption.value == Encryption.OPTIONAL
        and not _is_vague(looked, settings.encryption)
    )


def _unreachable(recipient: Address, looked: Looked, settings: Settings, rule: Setting) -> Decision:
    if looked.known:
        because = "they are known; it waits until their keys can be verified"
        return _take(Frozen.NATIVE, "it waits until their server answers", because)
    if settings.unreachable.value == Unreachable.QUEUE:
        frozen = Frozen.ORDINARY if rule.value == Encryption.OPTIONAL else Frozen.NATIVE
        return _take(frozen, "it waits until their server answers", settings.unreachable.because())
    return Decision(
        Verdict.LATER,
        Frozen.NATIVE,
        f"the keys of {recipient.domain} cannot be had now; try again later",
        settings.unreachable.because(),
    )


def _absent(recipient: Address, looked: Looked, rule: Setting, *, relay: bool) -> Decision:
    if rule.value == Encryption.REQUIRED and rule.level is Level.MESSAGE:
        return _refuse(f"{looked.why}; the message asks for encryption", rule)
    if looked.known:
        return _refuse(
            f"{looked.why}; mail to {recipient} was encrypted before, so nothing leaves in clear;"
            f" if it shall: {_tagged(recipient)}",
            rule,
        )
    if rule.value == Encryption.REQUIRED:
        way = f"to send it as ordinary email: {_tagged(recipient)}" if relay else _ONLY_ENCRYPTED
        return _refuse(f"{looked.why}; {way}", rule)
    if not relay:
        return _refuse(f"{looked.why}; {_NO_RELAY}", rule)
    if rule.value == Encryption.ASK:
        return _hold(f"{looked.why}; it is held until you decide", rule.because())
    if _is_vague(looked, rule):
        return _hold(
            f"{looked.why}; it is held until you decide",
            f"{rule.because()}; {recipient.domain} is on the network, so a rule for it is needed",
        )
    return _take(Frozen.ORDINARY, _READABLE, rule.because())


_READABLE = "ordinary email: others can read it on its way"
_NO_RELAY = "no account for ordinary email is set up (mx-gateway relay set)"
_ONLY_ENCRYPTED = "only end-to-end encrypted mail leaves here until ordinary email is set up"


def _said(settings: Settings, override: Override | None) -> Setting:
    if override is None:
        return settings.encryption
    value = Encryption.REQUIRED if override is Override.ENCRYPTED else Encryption.OPTIONAL
    return Setting(settings.encryption.name, value, Level.MESSAGE)


def _is_vague(looked: Looked, rule: Setting) -> bool:
    """Tell whether a rule for everybody meets a domain that is on the network.

    A server that hides one of its people must not thereby get their mail in clear.
    """
    return looked.reach is Reach.UNKNOWN and rule.level in {Level.FACTORY, Level.GLOBAL}


def _tagged(recipient: Address) -> str:
    return f"write to {recipient.local}+mx-ordinary@{recipient.domain}"


def _take(frozen: Frozen, text: str, because: str) -> Decision:
    return Decision(Verdict.TAKE, frozen, text, because)


def _hold(text: str, because: str) -> Decision:
    return Decision(Verdict.HOLD, Frozen.NATIVE, text, because)


def _refuse(text: str, rule: Setting) -> Decision:
    return Decision(Verdict.REFUSE, Frozen.NATIVE, text, rule.because())
