"""May this item be taken?  Pure: facts in, a verdict out; it never sees who asks or what is stored.

The server can not open an envelope, so it judges only what stands outside: the route, the
magic, the sizes, the dates.  Whether the mailbox exists is asked elsewhere, after this.
docs/spec/client.md, identity §5.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from msgspec import Struct

from mx_core.admission.postage import POSTAGE_OCTETS
from mx_core.admission.token import TOKEN_OCTETS
from mx_core.model.address import Address
from mx_core.model.errors import BadAddress
from mx_core.notation.hashing import DIGEST_OCTETS
from mx_core.proto.federation_pb2 import (
    ACCEPTED,
    EXPIRED,
    NOT_AVAILABLE,
    TOO_LARGE,
    UNREADABLE,
    Item,
    Status,
)

ENVELOPE_MAGIC: Final = b"MXE1"
BODY_MAGIC: Final = b"MXB1"
DELIVER_BY_AHEAD_SECONDS: Final = 6 * 86_400
_ROUTE_OCTETS_MAX: Final = 64 + 1 + 253
_ROUTES_KEPT: Final = 1_000  # that were read before: a domain's people are written to again


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is taken, in octets."""

    envelope: int
    inline_body: int
    blob: int


class Judged(Struct, frozen=True):
    """*status* is ACCEPTED if nothing outside the envelope speaks against the item."""

    status: Status
    recipient: Address | None = None  # canonical; None unless the route names somebody


def judge(item: Item, *, sizes: Sizes, now: float) -> Judged:
    """Return the verdict on *item* at *now*; the first rule that it breaks names the status."""
    recipient = route_address(item.route)
    if recipient is None:
        return Judged(NOT_AVAILABLE)
    status = _judge_body(item, sizes)
    if status != ACCEPTED:
        return Judged(status, recipient)
    envelope = item.envelope  # each look at a field of octets copies them
    if len(envelope) > sizes.envelope:
        return Judged(TOO_LARGE, recipient)
    if not envelope.startswith(ENVELOPE_MAGIC):
        return Judged(UNREADABLE, recipient)
    if len(item.token) not in {0, TOKEN_OCTETS} or len(item.postage) not in {0, POSTAGE_OCTETS}:
        return Judged(UNREADABLE, recipient)
    if not now < item.deliver_by <= now + DELIVER_BY_AHEAD_SECONDS:
        return Judged(EXPIRED, recipient)
    return Judged(ACCEPTED, recipient)


def route_address(route: bytes) -> Address | None:
    """Return the canonical address that *route* spells, or None."""
    return None if len(route) > _ROUTE_OCTETS_MAX else _address(route)


@lru_cache(maxsize=_ROUTES_KEPT)
def _address(route: bytes) -> Address | None:
    try:
        text = route.decode()
        address = Address.parse(text).canonical()
    except (UnicodeDecodeError, BadAddress):
        return None
    return address if str(address) == text else None


def _judge_body(item: Item, sizes: Sizes) -> Status:
    if item.HasField("body_ref"):
        if item.body or len(item.body_ref.id) != DIGEST_OCTETS or item.body_ref.size == 0:
            return UNREADABLE
        return TOO_LARGE if item.body_ref.size > sizes.blob else ACCEPTED
    body = item.body
    if len(body) > sizes.inline_body:
        return TOO_LARGE
    return ACCEPTED if body.startswith(BODY_MAGIC) else UNREADABLE
