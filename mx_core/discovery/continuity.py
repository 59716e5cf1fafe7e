"""A domain key that was seen once is expected again: what a changed key may do.  Pure.

| the new key is | and found by | then |
|---|---|---|
| remembered, or signed for by a remembered key (``domain-roll``) | any way | used |
| neither | the operator's peers file | used: a person has decided |
| neither | DNSSEC | used after 72 hours of being seen unchanged; ``domain-key-held`` until then |
| neither | DNS and the web alone | ``domain-key`` |

Keys that pass go on being used while others wait.  docs/spec/discovery.md §6.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct

from mx_core.discovery.document import Roll, verify_roll
from mx_core.model.errors import Untrusted
from mx_core.notation import cbor

HOLD_SECONDS: Final = 72 * 3_600


class How(StrEnum):
    """By which of the acceptance rules a domain's keys were found."""

    DNSSEC = "dnssec"
    HTTPS = "https"
    STATIC = "static"


class Remembered(Struct, frozen=True):
    """What is kept of a domain for ever: keys in use, and keys that wait since a unix second."""

    keys: tuple[bytes, ...]
    waiting: tuple[bytes, ...] = ()
    waiting_since: int = 0

    def encode(self) -> bytes:
        """Return the octets to persist."""
        return cbor.encode({0: 1, 1: [*self.keys], 2: [*self.waiting], 3: self.waiting_since})

    @classmethod
    def decode(cls, octets: bytes) -> Remembered:
        """Return what ``encode`` made; raises Untrusted (``canonical``, ``format``)."""
        match cbor.decode(octets):
            case {0: 1, 1: [*keys], 2: [*waiting], 3: int(since)}:
                return cls(_keys(keys), _keys(waiting), since)
            case _:
                raise Untrusted("format", "a memory of domain keys of another shape")


class Judgement(Struct, frozen=True):
    """Keys that may be used now (none: *failure* says why), and what to remember."""

    keys: tuple[bytes, ...]
    remembered: Remembered
    failure: str = ""


def judge_keys(
    domain: str,
    seen: Sequence[bytes],
    how: How,
    rolls: Sequence[Roll],
    *,
    remembered: Remembered | None,
    now: float,
) -> Judgement:
    """Return which of the keys *seen* for *domain* may be used; *now* in unix seconds."""
    if remembered is None or how is How.STATIC:
        return Judgement(tuple(seen), Remembered(tuple(seen)))
    trusted = _reachable(domain, set(remembered.keys), rolls)
    known = tuple(key for key in seen if key in trusted)
    strange = tuple(sorted(key for key in seen if key not in trusted))
    if not strange:
        return Judgement(known, Remembered(known))
    if how is How.HTTPS:
        return Judgement(known, remembered, "" if known else "domain-key")
    since = int(now)
    if remembered.waiting == strange:
        since = remembered.waiting_since
    if now - since >= HOLD_SECONDS:
        return Judgement(tuple(seen), Remembered(tuple(seen)))
    waiting = Remembered(known or remembered.keys, strange, since)
    return Judgement(known, waiting, "" if known else "domain-key-held")


def _reachable(domain: str, trusted: set[bytes], rolls: Sequence[Roll]) -> set[bytes]:
    # at most as many steps as rolls; the list is bounded by the document's form
    for _ in rolls:
        for roll in rolls:
            if roll.old_key in trusted and roll.new_key not in trusted:
                try:
                    verify_roll(domain, roll)
                except Untrusted:
                    continue
                trusted.add(roll.new_key)
    return trusted


def _keys(values: list[cbor.Value]) -> tuple[bytes, ...]:
    keys = tuple(value for value in values if isinstance(value, bytes))
    if len(keys) != len(values):
        raise Untrusted("format", "a memory of domain keys of another shape")
    return keys
