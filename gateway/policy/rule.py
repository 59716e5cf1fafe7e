"""The rules of a person: what can be said, of whom, and which of them counts.  Pure.

A scope is "" (everybody), a domain, or an address in canonical form; the nearest one counts.
spec/policy §1.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, StrEnum
from typing import Final, NewType

from msgspec import Struct

from mx_core.model.address import Address, canonical_domain
from mx_core.model.errors import BadPolicy

Scope = NewType("Scope", str)
Rules = Mapping[Scope, Mapping[str, str]]

EVERYBODY: Final = Scope("")


class Level(Enum):
    """Who has spoken, from the farthest to the nearest."""

    FACTORY = "factory"
    GLOBAL = "global"
    DOMAIN = "domain"
    CONTACT = "contact"
    MESSAGE = "message"


class Encryption(StrEnum):
    """What becomes of mail to somebody who is not on the network."""

    REQUIRED = "required"  # refused
    ASK = "ask"  # taken, and held until the person has decided
    OPTIONAL = "optional"  # sent as ordinary mail


class Unreachable(StrEnum):
    """What becomes of mail to a stranger whose keys cannot be had now."""

    REFUSE = "refuse"
    QUEUE = "queue"


class Mixed(StrEnum):
    """What becomes of a message of which some copies would be encrypted and others not."""

    BOUNCE_ALL = "bounce-all"
    BOUNCE_INSECURE = "bounce-insecure"
    SEND = "send-mixed"


class Guard(StrEnum):
    """Whether an answer to encrypted mail may leave as ordinary mail because a rule allows it."""

    ON = "on"
    OFF = "off"


ENCRYPTION: Final = "encryption"
UNREACHABLE: Final = "unreachable"
MIXED: Final = "mixed"
GUARD: Final = "reply-guard"

FACTORY: Final[Mapping[str, str]] = {
    ENCRYPTION: Encryption.REQUIRED,
    UNREACHABLE: Unreachable.REFUSE,
    MIXED: Mixed.BOUNCE_ALL,
    GUARD: Guard.ON,
}
_VALUES: Final[Mapping[str, type[StrEnum]]] = {
    ENCRYPTION: Encryption,
    UNREACHABLE: Unreachable,
    MIXED: Mixed,
    GUARD: Guard,
}
_OF_THE_WHOLE_MESSAGE: Final = frozenset({MIXED, GUARD})


class Setting(Struct, frozen=True):
    """The value that counts, and who has said so."""

    name: str
    value: str
    level: Level
    scope: Scope = EVERYBODY

    def because(self) -> str:
        """Say where the value comes from."""
        whose = {
            Level.FACTORY: "as it comes",
            Level.GLOBAL: "your rule for everybody",
            Level.DOMAIN: f"your rule for {self.scope}",
            Level.CONTACT: f"your rule for {self.scope}",
            Level.MESSAGE: "what the message itself says",
        }[self.level]
        return f"{self.name} = {self.value} ({whose})"


class Settings(Struct, frozen=True):
    """Everything that counts for one recipient, before the message itself speaks."""

    encryption: Setting
    unreachable: Setting
    mixed: Setting
    guard: Setting

    @classmethod
    def of(cls, rules: Rules, recipient: Address) -> Settings:
        """Return what *rules* say of *recipient*."""
        chain = _chain(recipient)
        return cls(*(_nearest(rules, chain, name) for name in FACTORY))


def nearest(rules: Rules, recipient: Address, name: str) -> Setting:
    """Return the value of *name* that counts for *recipient*."""
    return _nearest(rules, _chain(recipient), name)


def _chain(recipient: Address) -> tuple[tuple[Level, Scope], ...]:
    canonical = recipient.canonical()
    return (
        (Level.CONTACT, Scope(str(canonical))),
        (Level.DOMAIN, Scope(canonical.domain)),
        (Level.GLOBAL, EVERYBODY),
    )


def _nearest(rules: Rules, chain: tuple[tuple[Level, Scope], ...], name: str) -> Setting:
    for level, scope in chain if rules else ():
        if (value := rules.get(scope, {}).get(name)) is not None:
            return Setting(name, value, level, scope)
    return Setting(name, FACTORY[name], Level.FACTORY)


def parse_scope(text: str) -> Scope:
    """Return the scope that a person wrote: ``everybody``, a domain (``@x.example`` too), an address.

    Raises:
        BadPolicy: It is none of these.
        BadAddress: What stands there is no address or domain.
    """
    if text == "everybody":
        return EVERYBODY
    if text.startswith("@"):
        return Scope(canonical_domain(text[1:]))
    if "@" in text:
        return Scope(str(Address.parse(text).canonical()))
    if "." not in text:
        raise BadPolicy(f"{text!r} is no address and no domain, and not 'everybody'")
    return Scope(canonical_domain(text))


def check(scope: Scope, name: str, value: str) -> None:
    """Tell whether a rule may be made.

    Raises:
        BadPolicy: With the names or values that there are.
    """
    values = _VALUES.get(name)
    if values is None:
        raise BadPolicy(f"there is no rule {name!r}; there are: {', '.join(_VALUES)}")
    if value not in list(values):
        raise BadPolicy(f"{name} is one of: {', '.join(values)}; not {value!r}")
    if scope != EVERYBODY and name in _OF_THE_WHOLE_MESSAGE:
        raise BadPolicy(f"{name} concerns whole messages; it is set for 'everybody' only")
