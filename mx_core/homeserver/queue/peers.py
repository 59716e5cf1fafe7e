"""Speaks for this server to others: hands batches over, asks for cards.

Local mail takes the same way without the network.  One client for each peer that was spoken to
lately; a client that failed is thrown away, because the queue decides when to try again.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from typing import Final

from mx_core.federation.client import PeerClient
from mx_core.homeserver.bounds.admitting import FIRST_BODY_OCTETS
from mx_core.homeserver.bounds.peer_rules import PeerRules
from mx_core.homeserver.mailboxes.receive import Receiver
from mx_core.homeserver.queue import keeping
from mx_core.homeserver.queue.outgoing import Leaving
from mx_core.homeserver.queue.peer_times import PeerTimes
from mx_core.homeserver.queue.unreadable import Unread
from mx_core.homeserver.storage.blobs import BlobStore
from mx_core.homeserver.storage.bodies import Body
from mx_core.model.address import Address
from mx_core.model.errors import MailError, Refused, UnknownRecipient, Untrusted
from mx_core.proto.federation_pb2 import (
    ACCEPTED,
    DEFERRED,
    DUPLICATE,
    TOO_LARGE,
    WHOLE,
    BlobRef,
    Item,
    ItemReply,
)

_CLIENTS_MAX: Final = 256
_WHOLE_SECONDS: Final = 3_600.0
_FETCHING_MAX: Final = 2  # bodies of strangers at a time: each is whole in memory
_INLINE_OCTETS_MAX: Final = 256 * 1024


class Peers:
    """Clients by domain; on the event loop."""

    def __init__(
        self,
        own_domain: str,
        receiver: Receiver,
        blobs: BlobStore,
        rules: PeerRules,
        unread: Unread,
        times: PeerTimes,
        make: Callable[[str], PeerClient],
    ) -> None:
        self._own_domain = own_domain
        self._receiver = receiver
        self._blobs = blobs
        self._rules = rules
        self._unread = unread
        self._times = times
        self._make = make
        self._clients: OrderedDict[str, PeerClient] = OrderedDict()
        self._whole: dict[str, float] = {}  # domain → until when (monotonic)
        self._fetching = asyncio.Semaphore(_FETCHING_MAX)

    async def carry(self, destination: str, batch: Sequence[Leaving]) -> list[ItemReply]:
        """Hand *batch* over and return the answers, in order.

        Raises:
            NotPermitted: This server exchanges no mail with it.
            UnknownRecipient: There is no such domain on the network.
            Unavailable, Untrusted: Not now.
        """
        self._rules.must_allow(destination)
        if destination == self._own_domain:
            items = [await self._item(what) for what in batch]
            return await self._receiver.take(self._own_domain, items)
        client = await self._client(destination)
        # who is no contact there may have to be accepted first: the body is named, not brought
        whole = self._takes_whole(destination)
        named = {at for at, what in enumerate(batch) if not whole and _is_named_first(what)}
        try:
            replies = await self._deliver(client, batch, named)
            wanted = [at for at in sorted(named) if replies[at].status == WHOLE]
            if wanted:
                self._whole[destination] = time.monotonic() + _WHOLE_SECONDS
                again = await self._deliver(client, [batch[at] for at in wanted], frozenset())
                for at, reply in zip(wanted, again, strict=True):
                    replies[at] = reply
                named.difference_update(wanted)
        except (MailError, TimeoutError) as error:
            self._times.failed(destination, error)
            await self._forget(destination)
            raise
        self._times.works(destination)
        for what, reply in zip(batch, replies, strict=True):
            if whole and reply.status == TOO_LARGE and _is_named_first(what):
                # it wants bodies whole no more: named instead the next time
                self._whole.pop(destination, None)
                reply.status, reply.retry_after = DEFERRED, 1
        for at in named:
            # an item that was taken before is DUPLICATE, and nobody remembers how it came
            replies[at].body_stays = replies[at].status in {ACCEPTED, DUPLICATE}
        return replies

    async def fetch_body(self, domain: str, body_id: bytes, size: int) -> bytes:
        """Return a body that stayed at *domain* when its envelope came here.

        Raises:
            NotPermitted, UnknownRecipient, Unavailable, Untrusted: As ``carry``.
            Refused: It is larger than a body may be.
        """
        self._rules.must_allow(domain)
        if size > self._blobs.octets_max:
            raise Refused("a body larger than this server takes")
        async with self._fetching:
            return await (await self._client(domain)).get_blob(body_id, size)

    async def card(self, address: Address, log_size: int, token: bytes) -> bytes | None:
        """Return the card that the home server of *address* gives, or None if it gives none.

        *log_size*: as the asker knows the log of that domain; *token*: of a contact, or none.

        Raises:
            UnknownRecipient: There is no such domain on the network.
            Unavailable, Untrusted: Not now.
        """
        if not self._rules.allows(address.domain):
            return None  # as if it were not: nothing can be sent there
        client = await self._client(address.domain)
        try:
            return await client.look_up(str(address), log_size, token)
        except UnknownRecipient:
            raise
        except Untrusted:
            await self._forget(address.domain)
            raise

    async def unreadable(self, domain: str, env_id: bytes, signed: bytes) -> bool:
        """Tell *domain* that a device here can not open *env_id*; return whether it knows the sender.

        Raises:
            NotPermitted, UnknownRecipient, Unavailable, Untrusted: As ``carry``.
        """
        if domain == self._own_domain:
            return await self._unread.tell(domain, env_id, signed)
        self._rules.must_allow(domain)
        return await (await self._client(domain)).unreadable(env_id, signed)

    async def read_log(self, domain: str, path: str) -> bytes | None:
        """Return a file of the log of *domain*, or None if it has none of that name.

        Raises:
            NotPermitted, UnknownRecipient, Unavailable, Untrusted: As ``carry``.
        """
        self._rules.must_allow(domain)
        return await (await self._client(domain)).read_log(path)

    async def add_checkpoint(self, domain: str, body: bytes) -> tuple[int, bytes]:
        """Ask *domain* to witness; return status and body of its answer.  Raises as ``carry``."""
        self._rules.must_allow(domain)
        return await (await self._client(domain)).add_checkpoint(body)

    def recent(self, count: int) -> list[str]:
        """Return the domains that were spoken to last, the newest first."""
        return list(reversed(self._clients))[:count]

    async def close(self) -> None:
        """Close every connection."""
        for destination in list(self._clients):
            await self._forget(destination)

    def _takes_whole(self, destination: str) -> bool:
        """Tell whether *destination* wanted what was named to be brought, lately."""
        if self._whole.get(destination, 0.0) >= time.monotonic():
            return True
        self._whole.pop(destination, None)
        return False

    async def _deliver(
        self, client: PeerClient, batch: Sequence[Leaving], named: Collection[int]
    ) -> list[ItemReply]:
        """Hand over; the bodies of the items at *named* are named and not brought."""
        for at, what in enumerate(batch):
            if at not in named and what.body.size > _INLINE_OCTETS_MAX:
                await self._put(client, what.body)
        return await client.deliver(
            [await self._item(what, is_named=at in named) for at, what in enumerate(batch)]
        )

    async def _client(self, destination: str) -> PeerClient:
        client = self._clients.get(destination)
        if client is None:
            client = self._clients[destination] = self._make(destination)
        self._clients.move_to_end(destination)
        if len(self._clients) > _CLIENTS_MAX:
            await self._forget(next(iter(self._clients)))
        return client

    async def _forget(self, destination: str) -> None:
        client = self._clients.pop(destination, None)
        if client is not None:
            await client.close()

    async def _put(self, client: PeerClient, body: Body) -> None:
        if body.blob_id is None:
            return

        async def read(offset: int, length: int) -> bytes:
            return await self._blobs.piece(body, offset, length)

        await client.put_blob(body.blob_id, body.size, read)

    async def _item(self, what: Leaving, *, is_named: bool = False) -> Item:
        item = Item(
            route=what.route,
            envelope=what.envelope,
            deliver_by=what.deliver_by,
            token=what.token,
            postage=what.postage,
        )
        if is_named or what.body.size > _INLINE_OCTETS_MAX:
            name = keeping.body_name(what.body)
            item.body_ref.CopyFrom(BlobRef(id=name, size=what.body.size))
        else:
            item.body = await self._blobs.read(what.body)
        return item


def _is_named_first(what: Leaving) -> bool:
    return not what.token and what.body.size > FIRST_BODY_OCTETS
