"""Takes an envelope from a person of this domain, to be sent to whoever its route names.

Durable before the answer, taken once for its id; those that come at once share a commit.  Whether
the recipient exists is not asked here, because the answer would come from somebody else: it comes
later as a notice of fate.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
import structlog

from mx_core.db import failpoint
from mx_core.db.together import Together
from mx_core.db.transactions import Transactions
from mx_core.homeserver.bounds.rating import Rating
from mx_core.homeserver.doors.device_sessions import Session
from mx_core.homeserver.mailboxes.accept import Sizes, judge
from mx_core.homeserver.mailboxes.receive import body_of
from mx_core.homeserver.queue import taking
from mx_core.homeserver.queue.dispatch import Dispatcher
from mx_core.homeserver.queue.outgoing import Leaving
from mx_core.homeserver.queue.taking import Taken
from mx_core.homeserver.storage.blobs import BlobStore
from mx_core.homeserver.storage.bodies import BlobMissing
from mx_core.homeserver.storage.room import Room
from mx_core.model.clock import Now
from mx_core.notation.hashing import b2_plain
from mx_core.proto.client_pb2 import SubmitReply
from mx_core.proto.federation_pb2 import ACCEPTED, DEFERRED, DUPLICATE, RATE_LIMITED, Item

_log = structlog.get_logger()
_LATER_SECONDS = 60
_REPLIES = {
    Taken.NEW: SubmitReply(status=ACCEPTED),
    Taken.KNOWN: SubmitReply(status=DUPLICATE),
    Taken.NO_ROOM: SubmitReply(status=DEFERRED, retry_after=_LATER_SECONDS),
}


class Submitter:
    """The way out for one domain's people."""

    def __init__(
        self,
        database: Transactions,
        blobs: BlobStore,
        dispatcher: Dispatcher,
        *,
        sizes: Sizes,
        outgoing_items: int,
        rating: Rating,
        room: Room,
        now: Now,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._dispatcher = dispatcher
        self._sizes = sizes
        self._outgoing_items = outgoing_items
        self._rating = rating
        self._room = room
        self._now = now
        self._together = Together(database, self._store, self._announce)

    async def submit(self, session: Session, item: Item) -> SubmitReply:
        """Return ACCEPTED or DUPLICATE once the item is durable, or why it is not taken.

        Raises:
            DiskFull: Nothing is stored; the same call may succeed later.
            BlobMissing: Its body has not been put.
        """
        now = self._now()
        judged = judge(item, sizes=self._sizes, now=now)
        if judged.status != ACCEPTED or judged.recipient is None:
            return await self._refused(session, item, SubmitReply(status=judged.status))
        if wait := self._rating.submitting(session.mailbox_id):
            later = SubmitReply(status=RATE_LIMITED, retry_after=wait)
            return await self._refused(session, item, later)
        self._room.check()
        what = Leaving(
            mailbox_id=session.mailbox_id,
            device_id=session.device_id,
            env_id=b2_plain(item.envelope),
            destination=judged.recipient.domain,
            route=item.route,
            envelope=item.envelope,
            body=await body_of(item, self._blobs),
            token=item.token,
            postage=item.postage,
            deliver_by=item.deliver_by,
            submitted=int(now),
        )
        failpoint.reach("accepted")

        _, taken = await self._together.put(what)
        if taken is Taken.NO_BODY:
            raise BlobMissing("the body of this message has not been put here")
        reply = _REPLIES[taken]
        _log.info(
            "envelope_submitted",
            mailbox=what.mailbox_id,
            env_id=what.env_id.hex()[:16],
            peer_domain=what.destination,
            octets=what.octets,
            status=reply.status,
        )
        return reply

    def _store(
        self, tx: sa.Connection, items: Sequence[Leaving]
    ) -> Sequence[tuple[Leaving, Taken]]:
        # Crash before the commit: nothing is here, and the gateways were told nothing.
        # Crash after it: the items are due at the restart, and asking again is a duplicate.
        return list(zip(items, taking.submit(tx, items, self._outgoing_items), strict=True))

    def _announce(self, stored: Sequence[tuple[Leaving, Taken]]) -> None:
        for destination in {what.destination for what, taken in stored if taken is Taken.NEW}:
            self._dispatcher.announce(destination)

    async def _refused(self, session: Session, item: Item, reply: SubmitReply) -> SubmitReply:
        """Return *reply*, unless the item was taken before: its answer may have been lost."""
        env_id = b2_plain(item.envelope)
        known = await self._database.read(
            lambda tx: taking.is_known(tx, session.mailbox_id, env_id)
        )
        return SubmitReply(status=DUPLICATE) if known else reply
