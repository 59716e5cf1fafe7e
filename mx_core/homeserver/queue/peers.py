"""Speaks for this server to others: hands batches over, asks for cards.

Local mail takes the same way without the network.  One client for each peer that was spoken to
lately; a client that failed is thrown away, because the queue decides when to try again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from mx_core.federation.client import PeerClient
from mx_core.homeserver.bounds.peer_rules import PeerRules
from mx_core.homeserver.mailboxes.receive import Receiver
from mx_core.homeserver.queue.outgoing import Leaving
from mx_core.homeserver.storage.blobs import BlobStore
from mx_core.homeserver.storage.bodies import Body
from mx_core.model.address import Address
from mx_core.model.errors import MailError, UnknownRecipient, Untrusted
from mx_core.proto.federation_pb2 import BlobRef, Item, ItemReply

_CLIENTS_MAX: Final = 256
_INLINE_OCTETS_MAX: Final = 256 * 1024


class Peers:
    """Clients by domain; on the event loop."""

    def __init__(
        self,
        own_domain: str,
        receiver: Receiver,
        blobs: BlobStore,
        rules: PeerRules,
        make: Callable[[str], PeerClient],
    ) -> None:
        self._own_domain = own_domain
        self._receiver = receiver
        self._blobs = blobs
        self._rules = rules
        self._make = make
        self._clients: OrderedDict[str, PeerClient] = OrderedDict()

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
        try:
            for what in batch:
                if what.body.size > _INLINE_OCTETS_MAX:
                    await self._put(client, what.body)
            return await client.deliver([await self._item(what) for what in batch])
        except (MailError, TimeoutError):
            await self._forget(destination)
            raise

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

    async def _item(self, what: Leaving) -> Item:
        item = Item(
            route=what.route,
            envelope=what.envelope,
            deliver_by=what.deliver_by,
            token=what.token,
            postage=what.postage,
        )
        if what.body.size > _INLINE_OCTETS_MAX:
            item.body_ref.CopyFrom(BlobRef(id=what.body.blob_id, size=what.body.size))
        else:
            item.body = await self._blobs.read(what.body)
        return item
