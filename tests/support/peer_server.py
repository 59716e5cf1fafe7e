"""A peer as the wire shows it: hello and federation listeners over real gRPC, on loopback.

It keeps what it is sent in lists, and can be told to misbehave in the ways that tests need.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from nacl.signing import SigningKey

from mx_core.discovery.document import (
    DomainKey,
    KeyState,
    Roll,
    ServerDocument,
    SignedDocument,
    sign_document,
)
from mx_core.discovery.endpoint import Endpoint
from mx_core.discovery.finder import Finder
from mx_core.discovery.peers_file import StaticPeer, render_peer
from mx_core.federation.batch import BatchWindow, verify_batch
from mx_core.federation.link import SESSION_METADATA
from mx_core.federation.own import OwnDomain
from mx_core.federation.sessions import Sessions
from mx_core.model.errors import MailError, Untrusted
from mx_core.model.secret import Secret
from mx_core.proto import (
    federation_pb2,
    federation_pb2_grpc,
    hello_pb2,
    hello_pb2_grpc,
)
from mx_core.tls.anchors import AnchorSet
from mx_core.tls.leaf import Leaf, Leaves
from mx_core.tls.peer import Peer, PeerCheck
from tests.support.certificates import key_of


@dataclass
class Behaviour:
    """What a test may change about a peer, before or while it runs."""

    leaf: Callable[[], Leaf] | None = None  # the certificate shown
    federation_credentials: grpc.ServerCredentials | None = None
    proof_key: SigningKey | None = None  # makes the server's half of the proof
    proof_leaf: bytes = b""
    version: int = 1
    lets_in: bool = True  # believes introductions
    hello_key: SigningKey | None = None  # signs the stapled document
    next_replies: list[list[federation_pb2.ItemReply]] = field(default_factory=list)
    break_batches_from: int = 1_000
    blob_octets_at_once: int = 1 << 40
    blob_spoiled: bool = False
    look_up_reply: federation_pb2.LookUpReply = field(default_factory=federation_pb2.LookUpReply)


class PeerServer:
    """One domain's server; make it with ``peer_server``."""

    def __init__(self, domain: str, finder: Finder, behaviour: Behaviour) -> None:
        self.domain = domain
        self.key = key_of(domain)
        self.behaviour = behaviour
        self.finder = finder
        leaves = Leaves(domain, self.key, time.time)
        self.leaf = behaviour.leaf or leaves.current
        self.anchors = AnchorSet(self.leaf, time.time)
        self.check = PeerCheck(self.anchors.keys_of, time.time)
        self.sessions = Sessions(domain, behaviour.proof_key or self.key, self.leaf, time.time)
        self.window = BatchWindow()
        self.introductions: list[str] = []
        self.challenged: list[str] = []
        self.batches: list[federation_pb2.Batch] = []
        self.blobs: dict[bytes, bytearray] = {}
        self.looked_up: list[str] = []
        self.refused: list[str] = []
        self.hello = Endpoint("127.0.0.1", 0)
        self.federation = Endpoint("127.0.0.1", 0)
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        credentials = self.behaviour.federation_credentials or self.anchors.server_credentials()
        leaf = self.leaf()
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        hello_pb2_grpc.add_HelloServicer_to_server(_Hello(self), server)  # type: ignore[no-untyped-call]  # generated
        federation_pb2_grpc.add_FederationServicer_to_server(_Federation(self), server)  # type: ignore[no-untyped-call]  # generated
        hello = server.add_secure_port(
            str(self.hello), grpc.ssl_server_credentials([(leaf.key_pem, leaf.cert_pem)])
        )
        federation = server.add_secure_port(str(self.federation), credentials)
        self.hello = Endpoint("127.0.0.1", hello)
        self.federation = Endpoint("127.0.0.1", federation)
        await server.start()
        self._server = server

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop(grace=None)

    async def restart(self) -> None:
        """Come back on the same ports with an empty memory of peers."""
        await self.stop()
        for domain in self.introductions:
            self.anchors.drop(domain)
        await self.start()

    def document(self) -> SignedDocument:
        key = self.behaviour.hello_key or self.key
        return signed_document(self.domain, key, hello=self.hello, federation=self.federation)

    def stanza(self) -> str:
        return render_peer(self.domain, StaticPeer(bytes(self.key.verify_key), self.hello))

    def own(self) -> OwnDomain:
        return OwnDomain(self.domain, Secret(self.key), self.leaf, self.document)


def signed_document(
    domain: str,
    key: SigningKey,
    *,
    hello: Endpoint,
    federation: Endpoint | None = None,
    more_keys: tuple[bytes, ...] = (),
    rolls: tuple[Roll, ...] = (),
    created: int | None = None,
) -> SignedDocument:
    """Return a document as a well-behaved domain publishes it."""
    made = int(time.time()) - 60 if created is None else created
    keys = (bytes(key.verify_key), *more_keys)
    document = ServerDocument(
        domain=domain,
        created=made,
        expires=made + 86_400,
        keys=tuple(DomainKey(KeyState.ACTIVE, pk, made, made + 86_400) for pk in keys),
        hello=hello,
        federation=federation or hello,
        client=hello,
        rolls=rolls,
    )
    return sign_document(document, key)


@asynccontextmanager
async def peer_servers(
    folder: Path, *domains: str, **behaviours: Behaviour
) -> AsyncIterator[list[PeerServer]]:
    """Start a server for each domain; all know each other by one peers file in *folder*.

    *behaviours* go by the first label of the domain.
    """
    peers = folder / "peers.toml"
    servers = [
        PeerServer(
            domain, Finder(peers=peers), behaviours.get(domain.partition(".")[0], Behaviour())
        )
        for domain in domains
    ]
    try:
        for server in servers:
            await server.start()
        peers.write_text("".join(server.stanza() for server in servers))
        yield servers
    finally:
        for server in servers:
            await server.stop()


class _Hello(hello_pb2_grpc.HelloServicer):
    def __init__(self, peer: PeerServer) -> None:
        self._peer = peer

    async def Introduce(self, request: Any, context: Any) -> Any:  # noqa: N802  # of gRPC
        found = await self._peer.finder.find(request.domain)
        if self._peer.behaviour.lets_in:
            self._peer.anchors.put(found.name, found.keys)
        self._peer.introductions.append(found.name)
        document = self._peer.document()
        return hello_pb2.IntroduceReply(
            version=self._peer.behaviour.version,
            document=document.octets,
            signature=document.signature,
        )

    async def GetServerInfo(self, request: Any, context: Any) -> Any:  # noqa: N802  # of gRPC
        document = self._peer.document()
        return hello_pb2.ServerInfoReply(document=document.octets, signature=document.signature)


class _Federation(federation_pb2_grpc.FederationServicer):
    def __init__(self, peer: PeerServer) -> None:
        self._peer = peer

    async def Challenge(self, request: Any, context: Any) -> Any:  # noqa: N802  # of gRPC
        peer = await self._leaf(context)
        self._peer.challenged.append(peer.domain)
        challenge = self._peer.sessions.challenge(peer)
        return federation_pb2.ChallengeReply(nonce=challenge.nonce, expires=challenge.expires)

    async def Prove(self, request: Any, context: Any) -> Any:  # noqa: N802  # of gRPC
        peer = await self._leaf(context)
        try:
            proved = self._peer.sessions.prove(
                peer,
                self._peer.anchors.keys_of(peer.domain),
                nonce_b=request.nonce_b,
                nonce_a=request.nonce_a,
                signature=request.signature,
            )
        except Untrusted as error:
            await self._refuse(context, error)
        return federation_pb2.ProveReply(
            session=proved.session,
            expires=proved.expires,
            signature=proved.signature,
            leaf=self._peer.behaviour.proof_leaf or proved.leaf_der,
        )

    async def DeliverBatch(self, request: Any, context: Any) -> Any:  # noqa: N802  # of gRPC
        peer = await self._session(context)
        behaviour = self._peer.behaviour
        if len(self._peer.batches) >= behaviour.break_batches_from:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "no more")
        try:
            verify_batch(
                request,
                sender=peer.domain,
                receiver=self._peer.domain,
                keys=self._peer.anchors.keys_of(peer.domain),
                now=time.time(),
            )
            self._peer.window.admit(peer.domain, request.batch_id, time.time())
        except Untrusted as error:
            await self._refuse(context, error)
        self._peer.batches.append(request)
        if behaviour.next_replies:
            return federation_pb2.BatchReply(items=behaviour.next_replies.pop(0))
        accepted = federation_pb2.ItemReply(status=federation_pb2.ACCEPTED)
        return federation_pb2.BatchReply(items=[accepted] * len(request.items))

    async def PutBlob(self, request: Any, context: Any) -> Any:  # noqa: N802  # of gRPC
        await self._session(context)
        held = bytearray()
        taken = 0
        async for chunk in request:
            if chunk.HasField("ref"):
                held = self._peer.blobs.setdefault(chunk.ref.id, bytearray())
            if chunk.offset != len(held) or taken >= self._peer.behaviour.blob_octets_at_once:
                break
            held += chunk.octets
            taken += len(chunk.octets)
        return federation_pb2.BlobReply(held=len(held))

    async def GetBlob(self, request: Any, context: Any) -> Any:  # noqa: N802  # of gRPC
        await self._session(context)
        octets = bytes(self._peer.blobs[request.id])
        if self._peer.behaviour.blob_spoiled:
            octets = octets[:-1] + bytes([octets[-1] ^ 1])
        for offset in range(request.offset, len(octets), 100_000):
            yield federation_pb2.BlobChunk(offset=offset, octets=octets[offset : offset + 100_000])

    async def LookUp(self, request: Any, context: Any) -> Any:  # noqa: N802  # of gRPC
        await self._session(context)
        self._peer.looked_up.append(request.address)
        return self._peer.behaviour.look_up_reply

    async def _leaf(self, context: Any) -> Peer:
        [pem] = context.auth_context()["x509_pem_cert"]
        try:
            return self._peer.check.peer(pem)
        except Untrusted as error:
            await self._refuse(context, error)
            raise

    async def _session(self, context: Any) -> Peer:
        peer = await self._leaf(context)
        metadata = dict(context.invocation_metadata())
        try:
            self._peer.sessions.check(peer, metadata.get(SESSION_METADATA, b""))
        except Untrusted as error:
            await self._refuse(context, error)
        return peer

    async def _refuse(self, context: Any, error: MailError) -> None:
        self._peer.refused.append(error.failure if isinstance(error, Untrusted) else str(error))
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, str(error))
