"""Takes items for the mailboxes of this domain, from a peer or from this server's own queue.

The one place where an envelope becomes a person's: judged, its body made durable, then every
item of a batch in one commit.  Refuses to know how the items came here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
import structlog

from mx_core.db import failpoint
from mx_core.db.database import Database
from mx_core.homeserver import accounts, deliveries
from mx_core.homeserver.accept import Sizes, judge
from mx_core.homeserver.arrivals import Arrivals
from mx_core.homeserver.blobs import BlobStore
from mx_core.homeserver.bodies import BlobMissing, Body
from mx_core.homeserver.deliveries import Envelope
from mx_core.homeserver.room import Room
from mx_core.model.clock import Now
from mx_core.model.errors import DiskFull
from mx_core.notation.hashing import b2_plain
from mx_core.proto.federation_pb2 import (
    ACCEPTED,
    DEFERRED,
    DUPLICATE,
    NOT_AVAILABLE,
    Item,
    ItemReply,
)

_log = structlog.get_logger()
_LATER_SECONDS: Final = 3_600
_SOON_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An item for a name of this domain: either *what* to store, or why it is not taken."""

    address: str
    env_id: bytes
    what: Envelope | None
    refusal: ItemReply


async def body_of(item: Item, blobs: BlobStore) -> Body:
    """Return where the octets of an item's body are, on the disk if they need a file.

    Raises:
        DiskFull: No room for the file.
    """
    if item.HasField("body_ref"):
        return Body(None, item.body_ref.id, item.body_ref.size)
    return await blobs.keep(item.body)


class Receiver:
    """Mailboxes of one domain, as a sender sees them."""

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        arrivals: Arrivals,
        *,
        domain: str,
        sizes: Sizes,
        mailbox_octets: int,
        room: Room,
        now: Now,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._arrivals = arrivals
        self._domain = domain
        self._sizes = sizes
        self._mailbox_octets = mailbox_octets
        self._room = room
        self._now = now

    async def take(self, peer_domain: str, items: Sequence[Item]) -> list[ItemReply]:
        """Return the fate of each item; what is ACCEPTED is durable and announced.

        Crash before the commit: nothing of the batch is here, and the sender was told nothing.
        Crash after it: everything is; the sender asks again and hears DUPLICATE.
        """
        candidates = [await self._prepare(peer_domain, item) for item in items]
        failpoint.reach("accepted")

        def store(tx: sa.Connection) -> list[tuple[ItemReply, int | None]]:
            return [self._store(tx, candidate) for candidate in candidates]

        try:
            stored = await self._database.write(store, self._announce)
        except DiskFull:
            _log.warning("disk_full", peer_domain=peer_domain, items=len(items))
            return [_later() for _ in items]
        return [reply for reply, _ in stored]

    async def _prepare(self, peer_domain: str, item: Item) -> _Candidate | None:
        """Judge one item and make its body durable; None if it is for nobody here."""
        judged = judge(item, sizes=self._sizes, now=self._now())
        if judged.recipient is None or judged.recipient.domain != self._domain:
            return None
        address, env_id = str(judged.recipient), b2_plain(item.envelope)
        if judged.status != ACCEPTED:
            return _Candidate(address, env_id, None, ItemReply(status=judged.status))
        try:
            self._room.check()
            body = await body_of(item, self._blobs)
        except DiskFull:
            return _Candidate(address, env_id, None, _later())
        what = Envelope(
            env_id=env_id,
            peer_domain=peer_domain,
            envelope=item.envelope,
            body=body,
            deliver_by=item.deliver_by,
            token=item.token,
        )
        return _Candidate(address, env_id, what, _later())

    def _store(
        self, tx: sa.Connection, candidate: _Candidate | None
    ) -> tuple[ItemReply, int | None]:
        if candidate is None:
            return ItemReply(status=NOT_AVAILABLE), None
        member = accounts.by_address(tx, candidate.address)
        # asked first: what was taken before is never refused now, for a limit or for its date,
        # or a lost answer would become a false report of failure
        if member is not None and deliveries.is_known(tx, member.mailbox_id, candidate.env_id):
            return ItemReply(status=DUPLICATE), None
        if candidate.what is None:
            return candidate.refusal, None
        if member is None:
            return ItemReply(status=NOT_AVAILABLE), None
        held = deliveries.held_octets(tx, member.mailbox_id)
        if held + candidate.what.body.size > self._mailbox_octets:
            return candidate.refusal, None
        try:
            deliveries.arrive(tx, member.mailbox_id, candidate.what)
        except BlobMissing:
            return ItemReply(status=DEFERRED, retry_after=_SOON_SECONDS), None
        return ItemReply(status=ACCEPTED), member.mailbox_id

    def _announce(self, stored: list[tuple[ItemReply, int | None]]) -> None:
        failpoint.reach("stored")
        for mailbox_id in {mailbox_id for _, mailbox_id in stored if mailbox_id is not None}:
            self._arrivals.announce(mailbox_id)


def _later() -> ItemReply:
    return ItemReply(status=DEFERRED, retry_after=_LATER_SECONDS)
