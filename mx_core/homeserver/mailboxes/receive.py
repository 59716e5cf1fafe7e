"""Takes items for the mailboxes of this domain, from a peer or from this server's own queue.

The one place where an envelope becomes a person's: judged, its body made durable, then every
item of a batch in one commit, which batches share that come while another runs.  Refuses to know how
the items came here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol, TypeAlias

import sqlalchemy as sa
import structlog
from msgspec import Struct

from mx_core.db import failpoint
from mx_core.db.together import Together
from mx_core.db.transactions import Transactions
from mx_core.homeserver.bounds.admitting import Asking
from mx_core.homeserver.mailboxes import appending
from mx_core.homeserver.mailboxes.accept import Sizes, judge
from mx_core.homeserver.mailboxes.appending import Box, Place
from mx_core.homeserver.mailboxes.arrivals import Arrivals
from mx_core.homeserver.mailboxes.deliveries import Envelope
from mx_core.homeserver.storage.blobs import BlobStore
from mx_core.homeserver.storage.bodies import BlobMissing, Body
from mx_core.homeserver.storage.room import Room
from mx_core.model.clock import Now
from mx_core.model.errors import DiskFull
from mx_core.notation.hashing import b2_plain
from mx_core.proto.federation_pb2 import (
    ACCEPTED,
    DEFERRED,
    DUPLICATE,
    NOT_AVAILABLE,
    WHOLE,
    Item,
    ItemReply,
)

_log = structlog.get_logger()
_LATER_SECONDS: Final = 3_600
_SOON_SECONDS: Final = 60
_BATCHES_AT_ONCE: Final = 8  # in one transaction; of a mebibyte each
# what most items hear; nobody changes an answer that came from here
_ACCEPTED: Final = ItemReply(status=ACCEPTED)
_LATER: Final = ItemReply(status=DEFERRED, retry_after=_LATER_SECONDS)


class _Candidate(Struct, frozen=True):
    """An item for a name of this domain: either *what* to store, or why it is not taken."""

    address: str
    env_id: bytes
    what: Envelope | None
    refusal: ItemReply


_Batch: TypeAlias = Sequence[_Candidate | None]  # None: for nobody here


class _Storing(Struct, frozen=True):
    """What a transaction knows of items so far."""

    fresh: set[Place]  # not known before, and not come to yet
    refused: dict[Place, ItemReply]  # for what this server has no room: if they come again in it
    rows: list[dict[str, Any]]  # of those that are taken


class _Stored(Struct, frozen=True):
    """What became of a batch, in its order, and whose mailboxes it came to."""

    replies: list[ItemReply]
    mailboxes: set[int]


class Admits(Protocol):
    """Who decides whether an item is let in, before anything of it is kept."""

    async def judge(self, peer_domain: str, asking: Sequence[Asking]) -> list[ItemReply]:
        """Return for each whether it is let in (ACCEPTED), or the answer that it gets."""


async def body_of(item: Item, blobs: BlobStore) -> Body:
    """Return where the octets of an item's body are, on the disk if they need a file.

    Raises:
        DiskFull: No room for the file.
    """
    return _beside(item) or await blobs.keep(item.body)


class Receiver:
    """Mailboxes of one domain, as a sender sees them."""

    def __init__(
        self,
        database: Transactions,
        blobs: BlobStore,
        arrivals: Arrivals,
        *,
        domain: str,
        sizes: Sizes,
        mailbox_octets: int,
        admitting: Admits,
        room: Room,
        now: Now,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._arrivals = arrivals
        self._domain = domain
        self._sizes = sizes
        self._mailbox_octets = mailbox_octets
        self._admitting = admitting
        self._room = room
        self._now = now
        self._together = Together(database, self._store, self._announce, _BATCHES_AT_ONCE)

    async def take(self, peer_domain: str, items: Sequence[Item]) -> list[ItemReply]:
        """Return the fate of each item; what is ACCEPTED is durable and announced.

        Crash before the commit: nothing of the batch is here, and the sender was told nothing.
        Crash after it: everything is; the sender asks again and hears DUPLICATE.
        """
        candidates = await self._candidates(peer_domain, items)
        failpoint.reach("accepted")
        try:
            stored = await self._together.put(candidates)
        except DiskFull:
            _log.warning("disk_full", peer_domain=peer_domain, items=len(items))
            return [_LATER for _ in items]
        return stored.replies

    def _has_room(self) -> bool:
        try:
            self._room.check()
        except DiskFull:
            return False
        return True

    async def _candidates(self, peer_domain: str, items: Sequence[Item]) -> _Batch:
        """Judge all: by what stands outside, then whether they are let in; only then keep bodies."""
        now, has_room = self._now(), self._has_room()
        outside = [self._outside(item, now) for item in items]
        at_the_door = [
            Asking(each.address, each.env_id, item)
            for each, item in zip(outside, items, strict=True)
            if each is not None and each.refusal.status == ACCEPTED
        ]
        answers = iter(await self._admitting.judge(peer_domain, at_the_door))
        found: list[_Candidate | None] = []
        for each, item in zip(outside, items, strict=True):
            if each is None or each.refusal.status != ACCEPTED:
                found.append(each)
                continue
            answer = next(answers)
            if answer.status != ACCEPTED:
                found.append(_Candidate(each.address, each.env_id, None, answer))
            elif not has_room:
                found.append(_Candidate(each.address, each.env_id, None, _LATER))
            else:
                found.append(await self._taken(peer_domain, each, item, stays=answer.body_stays))
        return found

    def _outside(self, item: Item, now: float) -> _Candidate | None:
        judged = judge(item, sizes=self._sizes, now=now)
        if judged.recipient is None or judged.recipient.domain != self._domain:
            return None
        reply = _ACCEPTED if judged.status == ACCEPTED else ItemReply(status=judged.status)
        return _Candidate(str(judged.recipient), b2_plain(item.envelope), None, reply)

    async def _taken(
        self, peer_domain: str, each: _Candidate, item: Item, *, stays: bool
    ) -> _Candidate:
        """Make the body of an item durable that is let in, unless it *stays* where it is."""
        address, env_id = each.address, each.env_id
        try:
            body = _beside(item) or await self._blobs.keep(item.body)
        except DiskFull:
            return _Candidate(address, env_id, None, _LATER)
        what = Envelope(
            env_id=env_id,
            peer_domain=peer_domain,
            envelope=item.envelope,
            body=body,
            deliver_by=item.deliver_by,
            token=item.token,
            body_stays=stays,
        )
        return _Candidate(address, env_id, what, _LATER)

    def _store(self, tx: sa.Connection, batches: Sequence[_Batch]) -> list[_Stored]:
        """Store the items of *batches*, with as many statements as for one."""
        named = [each for batch in batches for each in batch if each is not None]
        boxes = appending.boxes(tx, {each.address for each in named})
        asked = [
            (boxes[each.address].mailbox_id, each.what)
            for each in named
            if each.what is not None and each.address in boxes
        ]
        storing = _Storing(appending.remember(tx, asked), {}, [])
        stored = [self._store_batch(tx, boxes, batch, storing) for batch in batches]
        if storing.rows:
            taken = {row["mailbox_id"] for row in storing.rows}
            filled = [box for box in boxes.values() if box.mailbox_id in taken]
            appending.write(tx, filled, storing.rows)
        return stored

    def _store_batch(
        self, tx: sa.Connection, boxes: dict[str, Box], batch: _Batch, storing: _Storing
    ) -> _Stored:
        first = len(storing.rows)
        replies: list[ItemReply] = []
        for each in batch:
            box = None if each is None else boxes.get(each.address)
            if each is None or (box is None and each.what is not None):
                replies.append(ItemReply(status=NOT_AVAILABLE))
            elif box is None:
                replies.append(each.refusal)
            else:
                replies.append(self._store_one(tx, box, each, storing))
        return _Stored(replies, {row["mailbox_id"] for row in storing.rows[first:]})

    def _store_one(
        self, tx: sa.Connection, box: Box, candidate: _Candidate, storing: _Storing
    ) -> ItemReply:
        """Answer for an item to *box*, and note its row if it is taken."""
        mailbox_id, env_id, what = box.mailbox_id, candidate.env_id, candidate.what
        place = (mailbox_id, env_id)
        # asked first: what was taken before is never refused now, for a limit or for its date,
        # or a lost answer would become a false report of failure
        if what is None:
            known = appending.is_known(tx, mailbox_id, env_id)
            return ItemReply(status=DUPLICATE) if known else candidate.refusal
        if place not in storing.fresh:
            # what was refused a moment ago is not here: DUPLICATE would lose it
            again = ItemReply(status=DUPLICATE, body_stays=what.body_stays)
            return storing.refused.get(place, again)
        storing.fresh.remove(place)
        brought = 0 if what.body_stays else what.body.size
        if box.held_octets + brought > self._mailbox_octets:
            return _refuse(tx, storing, place, candidate.refusal)
        try:
            row = appending.row_of(tx, mailbox_id, what)
        except BlobMissing:
            if not what.token:  # the sender has asked first whether to bring it
                return _refuse(tx, storing, place, ItemReply(status=WHOLE))
            soon = ItemReply(status=DEFERRED, retry_after=_SOON_SECONDS)
            return _refuse(tx, storing, place, soon)
        box.take(row)
        storing.rows.append(row)
        return ItemReply(status=ACCEPTED, body_stays=True) if what.body_stays else _ACCEPTED

    def _announce(self, stored: Sequence[_Stored]) -> None:
        failpoint.reach("stored")
        for mailbox_id in set().union(*(each.mailboxes for each in stored)):
            self._arrivals.announce(mailbox_id)


def _refuse(tx: sa.Connection, storing: _Storing, place: Place, reply: ItemReply) -> ItemReply:
    """Take back that the envelope at *place* is known; return *reply*, also to who asks again."""
    appending.forget(tx, *place)
    storing.refused[place] = reply
    return reply


def _beside(item: Item) -> Body | None:
    """Return the body of *item* where it needs no file: it is named, or fits into a row."""
    if item.HasField("body_ref"):
        return Body(None, item.body_ref.id, item.body_ref.size)
    return Body.in_row(item.body)
