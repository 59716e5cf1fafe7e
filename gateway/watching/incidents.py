"""Which findings are one wrong: a person gets one letter of each, whoever notices it first.

A refusal of a message and the evidence that was found with it are the same incident.  Pure.
"""

from __future__ import annotations

from typing import Final

from mx_core.directory.evidence import Evidence, Kind
from mx_core.model.address import Address
from mx_core.model.errors import Untrusted
from mx_core.store.people.incident import Incident

OWN: Final = "yourself"  # what the own home server says of the account: nothing leaves at all
CONTRADICTED: Final = "contradicted"
LOG_GONE: Final = "log-gone"
_HISTORY: Final = "history"

_OF_REFUSAL: Final = {"fork": _HISTORY, "rollback": _HISTORY}
_OF_EVIDENCE: Final = {
    Kind.FORK: _HISTORY,
    Kind.UNLOGGED: "proof",
    Kind.CLONED_DEVICE: "cloned-device",
}
_OF_OWN: Final = frozenset({"own-log", "own-card"})


class LogRefused(Untrusted):
    """``proof``: not one person is in doubt but the log of a whole domain; *what* says how."""

    def __init__(self, domain: str, what: str, sentence: str) -> None:
        super().__init__("proof", sentence)
        self.domain = domain
        self.what = what


def of_refusal(error: Untrusted, recipient: Address) -> Incident:
    """Return what mail to *recipient* is held for."""
    if isinstance(error, LogRefused):
        return Incident(error.domain, error.what)
    if error.failure in _OF_OWN:
        return Incident(OWN, "keys")
    what = _OF_REFUSAL.get(error.failure, error.failure)
    return Incident(str(recipient.canonical()), what)


def of_evidence(evidence: Evidence, whom: str, own: Address) -> Incident:
    """Return what *evidence* shows: of the person *whom*, or "" for a domain."""
    if evidence.kind is Kind.FOREIGN_VERSION or whom == str(own):
        return Incident(OWN, "keys")
    if evidence.kind is Kind.SPLIT_VIEW:
        return Incident(evidence.domain, CONTRADICTED)
    return Incident(whom, _OF_EVIDENCE[evidence.kind])
