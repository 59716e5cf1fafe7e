"""Which domains this server speaks with: rules of the operator, the nearest one decides.

A rule is for a domain and everything beneath it, or for ``*``: everybody.  ``evil.example``
blocked and ``good.evil.example`` allowed are two rules; ``*`` blocked and a few allowed is a
closed network.  Rows are jobs for ``Database``; the rules in force are in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa

from mx_core.db.upsert import insert_into
from mx_core.homeserver.schema import PEER_RULE
from mx_core.model.address import canonical_domain
from mx_core.model.errors import BadAddress, NotPermitted, Refused

EVERYBODY: Final = "*"
_RULES_MAX: Final = 100_000


class PeerRules:
    """The rules in force.  Owner: the event loop."""

    def __init__(self, own_domain: str) -> None:
        self._own_domain = own_domain
        self._allowed: dict[str, bool] = {}

    def put_in_force(self, rules: Mapping[str, bool]) -> None:
        """Take *rules*, subject → allowed, in place of those before."""
        self._allowed = dict(rules)

    def allows(self, domain: str) -> bool:
        """Tell whether mail goes to and comes from the canonical *domain*."""
        if domain == self._own_domain:
            return True
        subject = domain
        while subject:
            allowed = self._allowed.get(subject)
            if allowed is not None:
                return allowed
            subject = subject.partition(".")[2]
        return self._allowed.get(EVERYBODY, True)

    def must_allow(self, domain: str) -> None:
        """Return if *domain* may speak here.

        Raises:
            NotPermitted: It is blocked.
        """
        if not self.allows(domain):
            raise NotPermitted("this server exchanges no mail with your domain")


def subject_of(text: str) -> str:
    """Return the subject of a rule that an operator typed.

    Raises:
        Refused: Neither a domain nor ``*``.
    """
    if text == EVERYBODY:
        return text
    try:
        return canonical_domain(text)
    except BadAddress as error:
        raise Refused(f"{text!r} is neither a domain nor *") from error


def rules(tx: sa.Connection) -> dict[str, bool]:
    """Return all rules: subject → allowed."""
    return {
        row[0]: row[1] for row in tx.execute(sa.select(PEER_RULE.c.subject, PEER_RULE.c.allowed))
    }


def put(tx: sa.Connection, subject: str, *, allowed: bool) -> dict[str, bool]:
    """Make or change a rule; return all.

    Raises:
        Refused: There are too many.
    """
    tx.execute(
        insert_into(PEER_RULE, tx.dialect.name)
        .values(subject=subject, allowed=allowed)
        .on_conflict_do_update(index_elements=["subject"], set_={"allowed": allowed})
    )
    now = rules(tx)
    if len(now) > _RULES_MAX:
        raise Refused(f"there are {_RULES_MAX} rules already")
    return now


def remove(tx: sa.Connection, subject: str) -> dict[str, bool]:
    """Remove a rule; return the rest.

    Raises:
        Refused: There is none.
    """
    if tx.execute(PEER_RULE.delete().where(PEER_RULE.c.subject == subject)).rowcount == 0:
        raise Refused(f"there is no rule for {subject}")
    return rules(tx)
