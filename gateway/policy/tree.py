"""Every rule of a person where it stands: as it comes, for everybody, for a domain, for an address.  Pure.

From the farthest to the nearest; the nearest that says something counts.  spec/policy §1.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from gateway.policy.rule import EVERYBODY, FACTORY, Level, Rules, Scope, nearest
from mx_core.model.address import Address

_NO_VALUE: Final = ""


class Node(Struct, frozen=True):
    """One value at one scope; *counts*: no nearer one of the same chain says otherwise."""

    level: Level
    scope: Scope
    value: str  # "": nothing is said here
    counts: bool


def branches(rules: Rules, name: str) -> list[Node]:
    """Return what is said of *name*: as it comes, for everybody, then each domain with its people."""
    said = {scope: named[name] for scope, named in rules.items() if name in named}
    whole = said.pop(EVERYBODY, _NO_VALUE)
    nodes = [
        Node(Level.FACTORY, EVERYBODY, FACTORY[name], not whole),
        Node(Level.GLOBAL, EVERYBODY, whole, bool(whole)),
    ]
    for scope in sorted(said, key=lambda one: (one.rpartition("@")[2], "@" in one, one)):
        level = Level.CONTACT if "@" in scope else Level.DOMAIN
        nodes.append(Node(level, scope, said[scope], counts=True))
    return nodes


def chain(rules: Rules, recipient: Address, name: str) -> list[Node]:
    """Return what each level says of *recipient*, the farthest first; one of them counts."""
    canonical = recipient.canonical()
    counting = nearest(rules, recipient, name).level
    places = (
        (Level.GLOBAL, EVERYBODY),
        (Level.DOMAIN, Scope(canonical.domain)),
        (Level.CONTACT, Scope(str(canonical))),
    )
    return [
        Node(Level.FACTORY, EVERYBODY, FACTORY[name], counting is Level.FACTORY),
        *(
            Node(level, scope, rules.get(scope, {}).get(name, _NO_VALUE), counting is level)
            for level, scope in places
        ),
    ]
