"""The rule nearest to a domain decides whether this server speaks with it."""

from __future__ import annotations

import pytest

from mx_core.db.database import Database
from mx_core.homeserver.bounds import peer_rules
from mx_core.homeserver.bounds.peer_rules import PeerRules, subject_of
from mx_core.model.errors import NotPermitted, Refused


@pytest.mark.parametrize(
    ("rules", "domain", "allowed"),
    [
        ({}, "a.example", True),
        ({"a.example": False}, "a.example", False),
        ({"a.example": False}, "x.a.example", False),
        ({"a.example": False}, "aa.example", True),
        ({"a.example": False, "x.a.example": True}, "y.x.a.example", True),
        ({"*": False}, "a.example", False),
        ({"*": False, "a.example": True}, "a.example", True),
        ({"*": False, "example": True}, "a.example", True),
        ({"*": False}, "own.example", True),
    ],
)
def test_the_nearest_rule_decides(rules: dict[str, bool], domain: str, allowed: bool) -> None:
    in_force = PeerRules("own.example")
    in_force.put_in_force(rules)

    assert in_force.allows(domain) is allowed


def test_who_is_blocked_is_told_so() -> None:
    in_force = PeerRules("own.example")
    in_force.put_in_force({"*": False})

    with pytest.raises(NotPermitted):
        in_force.must_allow("a.example")


@pytest.mark.parametrize(("text", "subject"), [("A.Example", "a.example"), ("*", "*")])
def test_a_rule_is_for_a_canonical_domain_or_everybody(text: str, subject: str) -> None:
    assert subject_of(text) == subject


@pytest.mark.parametrize("text", ["", "alice@a.example", "*.example", "a b"])
def test_a_rule_for_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        subject_of(text)


def test_rules_are_kept_changed_and_removed(database: Database) -> None:
    do = database.write_at_start
    do(lambda tx: peer_rules.put(tx, "a.example", allowed=False))
    do(lambda tx: peer_rules.put(tx, "a.example", allowed=True))
    do(lambda tx: peer_rules.put(tx, "*", allowed=False))

    assert do(peer_rules.rules) == {"a.example": True, "*": False}
    assert do(lambda tx: peer_rules.remove(tx, "*")) == {"a.example": True}
    with pytest.raises(Refused, match="no rule"):
        do(lambda tx: peer_rules.remove(tx, "*"))


def test_the_number_of_rules_is_bounded(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mx_core.homeserver.bounds.peer_rules._RULES_MAX", 1)
    do = database.write_at_start
    do(lambda tx: peer_rules.put(tx, "a.example", allowed=False))

    with pytest.raises(Refused, match="rules already"):
        do(lambda tx: peer_rules.put(tx, "b.example", allowed=False))
    assert do(peer_rules.rules) == {"a.example": False}
