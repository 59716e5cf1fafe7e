"""What a person is told of a message that is held: what was seen, what it may mean, what to do.  Pure.

By the class of the refusal (spec/card §4); for somebody who has never heard of passports and logs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from mx_core.model.address import Address
from mx_core.model.ids import QueueId


class HeldWords(Struct, frozen=True):
    """Lines of a letter, in place of those that a report has for its code."""

    why: tuple[str, ...]
    following: tuple[str, ...]


class _Case(Struct, frozen=True):
    sender: Address
    recipient: Address
    queue_id: QueueId

    @property
    def domain(self) -> str:
        return self.recipient.domain


def held_words(sender: Address, recipient: Address, queue_id: QueueId, failure: str) -> HeldWords:
    """Return what is said of a refusal of class *failure*."""
    case = _Case(sender, recipient, queue_id)
    why, follow = _SAID.get(failure, (_something, _retried))
    return HeldWords(
        (*why(case), "Nothing was encrypted to such a key, and nothing has left this computer."),
        (
            *follow(case),
            "Or do not send it: delete it in Outbox, or",
            f"  mx-gateway queue cancel {queue_id}",
            "What else is held for the same reason waits there too. It is told once a day.",
        ),
    )


# ── what was seen ────────────────────────────────────────────────────────────────────
def _another_person(case: _Case) -> list[str]:
    return [
        f"{case.domain} shows keys of somebody else for {case.recipient} than those you know.",
        "Either this person has begun anew, without their recovery sheet, or somebody there (or",
        "somebody who took over their server) puts a key of their own in between, to read along.",
    ]


def _not_going_on(case: _Case) -> list[str]:
    return [
        f"What {case.domain} shows of the keys of {case.recipient} does not go on from what you",
        "have seen before: it is older, or tells another history, in which a device that was lost",
        "may count again. Either their server was set back to an old state by accident, or",
        "somebody there wants you to use a key that is no longer right.",
    ]


def _changed(case: _Case) -> list[str]:
    return [
        f"The keys of {case.recipient} were changed in a way that a thief of their computer or of",
        "their recovery sheet could bring about too, or are weaker than before. You have compared",
        "keys with this person, so you are asked first.",
    ]


def _not_proved(case: _Case) -> list[str]:
    return [
        f"Every key that {case.domain} gives out must stand in a public record, where its owner",
        f"would see a wrong one. Of the key that it shows for {case.recipient} it does not prove",
        "this any more. Either something is broken there, or this key is shown to you alone.",
    ]


def _contradicted(case: _Case) -> list[str]:
    return [
        f"The public record of keys of {case.domain} shows different things to different people,",
        "or has gone back. Another letter in your INBOX says what was seen, with the evidence.",
    ]


def _log_gone(case: _Case) -> list[str]:
    return [
        f"{case.domain} kept a public record of all keys that it gives out, in which a wrong one",
        "would be seen. Now it shows no such record, or another one. Either something is broken",
        "there, or somebody there does not want to be seen.",
    ]


def _own_keys(case: _Case) -> list[str]:
    return [
        f"{case.sender.domain}, where you are at home, shows keys in your name that no device of",
        "yours made. As long as this is not cleared up nothing leaves, to nobody: who gets your",
        "mail could be shown another sender. A letter in your INBOX says more, if it is proved.",
    ]


def _not_theirs(case: _Case) -> list[str]:
    return [
        f"What {case.domain} shows as the keys of {case.recipient} is not signed as it must be.",
        "Either something is broken there, or somebody puts a key of their own in between.",
    ]


def _ended(case: _Case) -> list[str]:
    return [f"{case.recipient} has given up this address, signed with their recovery sheet."]


def _twice(case: _Case) -> list[str]:
    return [
        f"A device of {case.recipient} has signed two different keys under one number, which none",
        "does by itself: somebody has a copy of its secret key. A letter about it is in your INBOX.",
    ]


def _once_encrypted(case: _Case) -> list[str]:
    return [
        f"Mail to {case.recipient} was encrypted before, and now nobody of that name is found on",
        "the network. Either they have left it, or their server hides them.",
    ]


def _something(case: _Case) -> list[str]:
    return [f"The keys of {case.recipient} could not be proved to be theirs."]


# ── what to do ───────────────────────────────────────────────────────────────────────
def _asked(case: _Case) -> list[str]:
    return [
        f"Ask {case.recipient} what has changed, by telephone or in person, not by mail.",
        "If it was they, accept what is shown now, and what is held for them is sent:",
        f"  mx-gateway contact accept {case.sender} {case.recipient}",
    ]


def _retried(case: _Case) -> list[str]:
    return [
        f"Ask {case.recipient}, or who runs {case.domain}, by telephone. When they have put it",
        "right, try again:",
        f"  mx-gateway queue retry {case.queue_id}",
    ]


def _believed(case: _Case) -> list[str]:
    return _of_domain(case, case.domain)


def _own_believed(case: _Case) -> list[str]:
    return _of_domain(case, case.sender.domain)


def _of_domain(case: _Case, domain: str) -> list[str]:
    return [
        f"Ask who runs {domain}, by telephone. If there is a good reason, believe the domain",
        "again, and what is held is sent:",
        f"  mx-gateway evidence accept {case.sender} {domain}",
    ]


_Lines = Callable[[_Case], list[str]]
_SAID: Final[dict[str, tuple[_Lines, _Lines]]] = {
    "other-pid": (_another_person, _asked),
    "rollback": (_not_going_on, _asked),
    "fork": (_not_going_on, _asked),
    "needs-consent": (_changed, _asked),
    "suite": (_changed, _asked),
    "cloned-device": (_twice, _asked),
    "proof": (_not_proved, _retried),
    "stale": (_not_proved, _retried),
    "contradicted": (_contradicted, _believed),  # of class proof, and a letter was written
    "log-gone": (_log_gone, _believed),  # likewise of a whole domain
    "own-log": (_own_keys, _own_believed),
    "own-card": (_own_keys, _retried),
    "chain": (_not_theirs, _retried),
    "binding": (_not_theirs, _retried),
    "attest-key": (_not_theirs, _retried),
    "attest-expired": (_not_theirs, _retried),
    "ended": (_ended, _retried),
    "was-secure": (_once_encrypted, _retried),
}
