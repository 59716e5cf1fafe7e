"""Tokens of the week: what a contact shows, and what a home server holds against it.  Identity §9.

A *contact secret* is 32 random octets that one person gave to one other inside sealed mail.  Its
*tag* of a week is all that the home server is told: it can neither find the secret in it, nor
whose it is, nor the tag of another week.  A *token* is worth something for one envelope only.
Pure.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from hmac import compare_digest
from typing import Final

from mx_core.notation.hashing import DIGEST_OCTETS, b2

SECRET_OCTETS: Final = DIGEST_OCTETS
TAG_OCTETS: Final = DIGEST_OCTETS
TOKEN_OCTETS: Final = 24
HINT_OCTETS: Final = 8  # of the tag, in front of the token: what the server finds it by
WEEK_SECONDS: Final = 604_800
_MAC_OCTETS: Final = TOKEN_OCTETS - HINT_OCTETS


def week_of(now: float) -> int:
    """Return the week of unix seconds *now*."""
    return int(now) // WEEK_SECONDS


def tag_of(secret: bytes, week: int) -> bytes:
    """Return the tag of *secret* in *week*: t of identity §9, 32 octets."""
    return b2("MX1.admit.week", [week.to_bytes(8, "big")], key=secret)


def token_for(tag: bytes, env_id: bytes, deliver_by: int) -> bytes:
    """Return what goes beside one envelope, 24 octets."""
    mac = b2("MX1.admit", [env_id, deliver_by.to_bytes(8, "big")], key=tag)
    return tag[:HINT_OCTETS] + mac[:_MAC_OCTETS]


def look_up_token(tag: bytes, address: str) -> bytes:
    """Return what goes with a look-up of the canonical *address* of somebody closed, 24 octets."""
    mac = b2("MX1.admit.lookup", [address.encode()], key=tag)
    return tag[:HINT_OCTETS] + mac[:_MAC_OCTETS]


def admits(tags: Iterable[bytes], token: bytes, env_id: bytes, deliver_by: int) -> bool:
    """Tell whether one of *tags*, those that the token hints at, made *token* for this envelope."""
    return any(compare_digest(token, token_for(tag, env_id, deliver_by)) for tag in tags)


def opens(tags: Iterable[bytes], token: bytes, address: str) -> bool:
    """Tell whether one of *tags* made *token* for a look-up of *address*."""
    return any(compare_digest(token, look_up_token(tag, address)) for tag in tags)


def hint_range(token: bytes) -> tuple[bytes, bytes]:
    """Return the least and the greatest tag that *token* hints at."""
    rest = TAG_OCTETS - HINT_OCTETS
    return token[:HINT_OCTETS] + bytes(rest), token[:HINT_OCTETS] + b"\xff" * rest


def is_sorted_list(tags: Sequence[bytes]) -> bool:
    """Tell whether *tags* are 32 octets each, ascending, none twice."""
    return all(len(tag) == TAG_OCTETS for tag in tags) and all(
        before < after for before, after in itertools.pairwise(tags)
    )
