"""Who of those that bring mail is let in: contacts by their token, strangers by work and budget.

Asked before anything of an item is stored.  What somebody without a token hears until they have
paid is the same whether the name is nobody's, somebody's, or somebody's who is closed.
spec/admission §4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import sqlalchemy as sa
from msgspec import Struct

from mx_core.admission.postage import BITS_USUAL, is_paid
from mx_core.admission.token import admits
from mx_core.db.transactions import Transactions
from mx_core.homeserver.bounds.budget import NameBudget
from mx_core.homeserver.bounds.rating import Rating
from mx_core.homeserver.people import doorway
from mx_core.homeserver.people.doorway import Door
from mx_core.model.clock import Now
from mx_core.proto.federation_pb2 import (
    ACCEPTED,
    NOT_AVAILABLE,
    POSTAGE,
    RATE_LIMITED,
    TOO_LARGE,
    Item,
    ItemReply,
)

FIRST_BODY_OCTETS: Final = 4 * 1024  # of a stranger, brought with the envelope
_LET_IN: Final = ItemReply(status=ACCEPTED)
_NOBODY: Final = ItemReply(status=NOT_AVAILABLE)


class Asking(Struct, frozen=True):
    """One item at a door of this domain."""

    address: str
    env_id: bytes
    item: Item


class _Seen(Struct, frozen=True):
    """What is known of it: the *door*, if there is one, and whether a contact's tag made its token."""

    door: Door | None
    is_contact: bool


class Admitting:
    """Of one domain.  Owner: the event loop."""

    def __init__(
        self,
        database: Transactions,
        own_domain: str,
        rating: Rating,
        names: NameBudget,
        now: Now,
    ) -> None:
        """*names* is the budget of distinct names that peers also spend by looking up."""
        self._database = database
        self._own_domain = own_domain
        self._rating = rating
        self._names = names
        self._now = now

    async def judge(self, peer_domain: str, asking: Sequence[Asking]) -> list[ItemReply]:
        """Return for each whether it is let in (ACCEPTED), or the answer that it gets."""
        now = self._now()

        def look(tx: sa.Connection) -> list[_Seen]:
            doors = {
                address: door
                for address, door in doorway.doors(tx, {each.address for each in asking}).items()
                if door.lets_in(now)
            }
            return _seen(tx, doors, asking)

        if not asking:
            return []
        seen = await self._database.read_few(look)
        return [
            self._judged(peer_domain, each, what) for each, what in zip(asking, seen, strict=True)
        ]

    def _judged(self, peer_domain: str, asking: Asking, seen: _Seen) -> ItemReply:
        door = seen.door
        known = seen.is_contact or self._ran_out(asking, door)
        counted = self._rating.counts(peer_domain)
        if counted and not known:
            refusal = self._asked_of_strangers(peer_domain, asking, door)
            if refusal is not None:
                return refusal
        if door is None or (door.closed and not known):
            return _NOBODY
        fits = _fit_of_first_mail(asking.item) if counted and not known else _LET_IN
        if fits.status != ACCEPTED:
            return fits
        if wait := self._rating.arriving(peer_domain, asking.address, stranger=not known):
            return ItemReply(status=RATE_LIMITED, retry_after=wait)
        return fits

    def _asked_of_strangers(
        self, peer_domain: str, asking: Asking, door: Door | None
    ) -> ItemReply | None:
        """Return what a stranger hears before existence is told, or None if they have paid."""
        if wait := self._names.wait(peer_domain, asking.address):
            return ItemReply(status=RATE_LIMITED, retry_after=wait)
        bits = BITS_USUAL if door is None or door.closed else door.postage_bits
        item = asking.item
        if bits == 0 or is_paid(
            item.postage,
            bits,
            route=item.route,
            env_id=asking.env_id,
            deliver_by=item.deliver_by,
        ):
            exists = door is not None and not door.closed
            self._names.spend(peer_domain, asking.address, found=exists)
            return None
        # one price for all: that a name is nobody's is not told by what asking for it costs
        self._names.spend(peer_domain, asking.address, found=True)
        return ItemReply(status=POSTAGE, postage_bits=bits)

    def _ran_out(self, asking: Asking, door: Door | None) -> bool:
        """Tell whether the token can not be judged, because the devices have slept for too long."""
        if door is None or door.closed or not asking.item.token:
            return False
        return 0 < door.tags_until <= self._now()


def _fit_of_first_mail(item: Item) -> ItemReply:
    """Return how a stranger's item is taken: a larger body stays with its server.  spec/requests §5."""
    if item.HasField("body_ref"):
        return ItemReply(status=ACCEPTED, body_stays=True)
    return ItemReply(status=TOO_LARGE if len(item.body) > FIRST_BODY_OCTETS else ACCEPTED)


def _seen(tx: sa.Connection, doors: Mapping[str, Door], asking: Sequence[Asking]) -> list[_Seen]:
    """Hold the tokens of all against the tags that they hint at."""
    shown = [
        (at, doors[each.address].mailbox_id, each.item.token)
        for at, each in enumerate(asking)
        if each.address in doors and each.item.token
    ]
    tags = doorway.hinted(tx, [(mailbox_id, token) for _, mailbox_id, token in shown])
    contacts = {
        at
        for (at, _, token), some in zip(shown, tags, strict=True)
        if admits(some, token, asking[at].env_id, asking[at].item.deliver_by)
    }
    return [_Seen(doors.get(each.address), at in contacts) for at, each in enumerate(asking)]
