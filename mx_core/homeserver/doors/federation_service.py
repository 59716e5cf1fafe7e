"""The federation listener: other home servers, over mutual TLS.  docs/spec/federation.md.

Three layers stand before each call: TLS under the anchor made here, the leaf's one name checked
against that domain's key, and the session that the domain key proved.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from typing_extensions import override

from mx_core.db import failpoint
from mx_core.db.transactions import Transactions
from mx_core.discovery.finder import Finder
from mx_core.federation.batch import BatchWindow, verify_batch
from mx_core.federation.sessions import Sessions
from mx_core.homeserver.bounds.peer_rules import PeerRules
from mx_core.homeserver.doors import chunks
from mx_core.homeserver.log import log_files
from mx_core.homeserver.log.log_book import LogBook
from mx_core.homeserver.log.witnessing import Witness
from mx_core.homeserver.mailboxes.receive import Receiver
from mx_core.homeserver.people.lookup import LookUps
from mx_core.homeserver.queue import keeping
from mx_core.homeserver.queue.unreadable import Unread
from mx_core.homeserver.storage.blobs import BlobStore
from mx_core.model.clock import Now
from mx_core.model.errors import NotPermitted, Unavailable, UnknownRecipient, Untrusted
from mx_core.proto import federation_pb2
from mx_core.proto.federation_pb2_grpc import FederationServicer
from mx_core.tls.anchors import AnchorSet
from mx_core.tls.peer import Peer, PeerCheck

SESSION_METADATA: Final = "mx-session-bin"
_LEAF_PROPERTY: Final = "x509_pem_cert"

Context: TypeAlias = Any  # grpc.aio.ServicerContext; grpc is untyped


@dataclass(frozen=True, slots=True)
class Rooms:
    """What stands behind the listener."""

    domain: str
    database: Transactions
    finder: Finder
    anchors: AnchorSet
    check: PeerCheck
    sessions: Sessions
    window: BatchWindow
    receiver: Receiver
    look_ups: LookUps
    blobs: BlobStore
    rules: PeerRules
    book: LogBook
    witness: Witness
    unread: Unread
    now: Now


class FederationService(FederationServicer):
    """One listener."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    @override
    async def Challenge(
        self, request: federation_pb2.ChallengeRequest, context: Context
    ) -> federation_pb2.ChallengeReply:
        """Give a nonce to the domain that the leaf proves."""
        challenge = self._rooms.sessions.challenge(self._leaf_peer(context))
        return federation_pb2.ChallengeReply(nonce=challenge.nonce, expires=challenge.expires)

    @override
    async def Prove(
        self, request: federation_pb2.ProveRequest, context: Context
    ) -> federation_pb2.ProveReply:
        """Open a session for a domain that signed the nonce with its domain key."""
        peer = self._leaf_peer(context)
        await self._ask_again(peer.domain)
        proved = self._rooms.sessions.prove(
            peer,
            self._rooms.anchors.keys_of(peer.domain),
            nonce_b=request.nonce_b,
            nonce_a=request.nonce_a,
            signature=request.signature,
        )
        return federation_pb2.ProveReply(
            session=proved.session,
            expires=proved.expires,
            signature=proved.signature,
            leaf=proved.leaf_der,
        )

    @override
    async def DeliverBatch(
        self, request: federation_pb2.Batch, context: Context
    ) -> federation_pb2.BatchReply:
        """Take a batch; ACCEPTED and DUPLICATE mean that the item is durable here."""
        peer = self._peer(context)
        now = self._rooms.now()
        verify_batch(
            request,
            sender=peer.domain,
            receiver=self._rooms.domain,
            keys=self._rooms.anchors.keys_of(peer.domain),
            now=now,
        )
        self._rooms.window.admit(peer.domain, request.batch_id, now)
        replies = await self._rooms.receiver.take(peer.domain, request.items)
        # Crash here: the items are durable; the peer sends them again and hears DUPLICATE.
        failpoint.reach("committed")
        context.add_done_callback(lambda _: failpoint.reach("replied"))
        return federation_pb2.BatchReply(items=replies)

    @override
    async def PutBlob(
        self, request: AsyncIterator[federation_pb2.BlobChunk], context: Context
    ) -> federation_pb2.BlobReply:
        """Take a body in chunks, before the batch that names it."""
        peer = self._peer(context)
        held = await self._rooms.blobs.receive(f"peer {peer.domain}", request)
        return federation_pb2.BlobReply(held=held)

    @override
    async def GetBlob(
        self, request: federation_pb2.BlobRequest, context: Context
    ) -> AsyncIterator[federation_pb2.BlobChunk]:
        """Give a body that stayed here when its envelope went to the calling domain."""
        peer, now = self._peer(context), self._rooms.now()
        body = await self._rooms.database.read(
            lambda tx: keeping.find(tx, peer.domain, request.id, now)
        )
        if body is None or request.offset > body.size:
            raise NotPermitted("no such body is kept for your domain")
        async for chunk in chunks.stored(self._rooms.blobs, body, request):
            yield chunk

    @override
    async def LookUp(
        self, request: federation_pb2.LookUpRequest, context: Context
    ) -> federation_pb2.LookUpReply:
        """Give the card of a person of this domain, padded; within the peer's budget."""
        peer = self._peer(context)
        return await self._rooms.look_ups.answer(peer.domain, request)

    @override
    async def Unreadable(
        self, request: federation_pb2.UnreadableRequest, context: Context
    ) -> federation_pb2.UnreadableReply:
        """Tell the submitter of an envelope that went to the peer that nobody there can open it."""
        peer = self._peer(context)
        known = await self._rooms.unread.tell(peer.domain, request.env_id, request.signed)
        return federation_pb2.UnreadableReply(known=known)

    @override
    async def ReadLog(
        self, request: federation_pb2.ReadLogRequest, context: Context
    ) -> federation_pb2.ReadLogReply:
        """Give a file of this domain's log."""
        self._peer(context)
        octets = await log_files.read(self._rooms.book, request.path)
        return federation_pb2.ReadLogReply(octets=octets, found=octets is not None)

    @override
    async def AddCheckpoint(
        self, request: federation_pb2.AddCheckpointRequest, context: Context
    ) -> federation_pb2.AddCheckpointReply:
        """Witness the peer's own log."""
        peer = self._peer(context)
        found = await self._rooms.finder.find(peer.domain)
        status, body = await self._rooms.witness.add(
            peer.domain, found.role_key("kt", self._rooms.now()), request.body
        )
        return federation_pb2.AddCheckpointReply(status=status, body=body)

    async def _ask_again(self, domain: str) -> None:
        """Trust the keys that *domain* has now, so that one it gave up is out within the hour.

        Raises:
            Untrusted: Its key has changed without proof; it is let in no more.
        """
        try:
            found = await self._rooms.finder.find(domain)
        except Unavailable:
            return  # no news is no change of key
        except (Untrusted, UnknownRecipient):
            self._rooms.anchors.drop(domain)
            raise
        self._rooms.anchors.put(found.name, found.keys)

    def _leaf_peer(self, context: Context) -> Peer:
        pems: list[bytes] = list(context.auth_context().get(_LEAF_PROPERTY) or [])
        if len(pems) != 1:
            raise Untrusted("leaf-format", "this listener speaks to certificates only")
        peer = self._rooms.check.peer(pems[0])
        self._rooms.rules.must_allow(peer.domain)  # at every call: a block is in force at once
        return peer

    def _peer(self, context: Context) -> Peer:
        """Return who calls: asked at every call, so a changed key or leaf is out at once."""
        peer = self._leaf_peer(context)
        session = next(
            (
                value
                for key, value in context.invocation_metadata() or ()
                if key == SESSION_METADATA
            ),
            b"",
        )
        self._rooms.sessions.check(peer, session if isinstance(session, bytes) else b"")
        return peer
