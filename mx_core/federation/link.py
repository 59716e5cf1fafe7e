"""From a found domain to a proved session: mutual TLS, introduction when needed, proof both ways.

A link lasts as long as the session, the own leaf and the peer's keys that it was made with;
``client.py`` makes another then.  Every call has a deadline.  docs/spec/federation.md §2–3.

Failure classes: ``peer-certificate peer-proof``.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Final

import grpc.aio
from msgspec import Struct

from mx_core.discovery.document import SignedDocument, verify_document
from mx_core.discovery.finder import Domain
from mx_core.federation import auth
from mx_core.federation.auth import Role
from mx_core.federation.failures import NOT_INTRODUCED, is_certificate_failure, translated
from mx_core.federation.own import OwnDomain
from mx_core.model.clock import Now
from mx_core.model.errors import PeerUnreachable, Untrusted
from mx_core.proto import federation_pb2, federation_pb2_grpc, hello_pb2, hello_pb2_grpc
from mx_core.tls.channel import open_channel
from mx_core.tls.leaf import Leaf
from mx_core.tls.lent_channel import LentChannel
from mx_core.tls.peer import verify_leaf

VERSION: Final = 1
SESSION_METADATA: Final = "mx-session-bin"
_HANDSHAKE_SECONDS: Final = 5.0
_INTRODUCE_SECONDS: Final = 25.0  # the peer may search for us as long as ``Finder`` does
# A listener with many anchors takes a new one in at its next rebuild, within a second.
_PAUSES_SECONDS: Final = (0.0, 0.05, 0.3, 1.1)


class _NotIntroducedError(Exception):
    """The peer does not know our key (any more)."""


class Link(Struct, frozen=True, eq=False):
    """A proved session with a peer; *expires* in unix seconds."""

    channel: LentChannel
    stub: federation_pb2_grpc.FederationStub
    metadata: tuple[tuple[str, bytes], ...]
    expires: float
    leaf: Leaf
    keys: tuple[bytes, ...]


async def open_link(own: OwnDomain, peer: Domain, now: Now) -> Link:
    """Return a link to *peer* for which the own domain is known to it.

    Raises:
        PeerUnreachable, Busy: Try later.
        Untrusted: ``peer-certificate``, ``peer-proof``, or the leaf's failure class.
    """
    try:
        return await _prove(own, peer, now)
    except _NotIntroducedError:
        await introduce(own, peer, now)
    for pause in _PAUSES_SECONDS:
        await asyncio.sleep(pause)
        try:
            return await _prove(own, peer, now)
        except _NotIntroducedError:
            continue
    raise PeerUnreachable(f"the server of {peer.name} does not let {own.name} in")


async def introduce(own: OwnDomain, peer: Domain, now: Now) -> None:
    """Say to the hello listener of *peer* who we are, so that it discovers our key.

    Raises:
        PeerUnreachable, Busy, Untrusted: As ``open_link``, and as ``verify_document``.
    """
    host, port = peer.hello
    document = own.document()
    channel = open_channel(host, port, domain=peer.name, keys=peer.keys, now=now())
    try:
        stub = hello_pb2_grpc.HelloStub(channel)  # type: ignore[no-untyped-call]  # generated
        reply = await stub.Introduce(
            hello_pb2.IntroduceRequest(
                domain=own.name,
                version_min=VERSION,
                version_max=VERSION,
                document=document.octets,
                signature=document.signature,
            ),
            timeout=_INTRODUCE_SECONDS,
        )
    except grpc.aio.AioRpcError as error:
        raise translated(error, peer.name) from error
    finally:
        await channel.close()
    if reply.version != VERSION:
        raise PeerUnreachable(f"the server of {peer.name} speaks no version that we speak")
    signed = SignedDocument(reply.document, reply.signature)
    verify_document(signed, domain=peer.name, keys=peer.keys, now=now())


async def _prove(own: OwnDomain, peer: Domain, now: Now) -> Link:
    host, port = peer.federation
    leaf = own.leaf()
    channel = open_channel(host, port, domain=peer.name, keys=peer.keys, now=now(), leaf=leaf)
    try:
        stub = federation_pb2_grpc.FederationStub(channel)  # type: ignore[no-untyped-call]  # generated
        challenge = await stub.Challenge(
            federation_pb2.ChallengeRequest(), timeout=_HANDSHAKE_SECONDS
        )
        nonce_a = secrets.token_bytes(auth.NONCE_OCTETS)
        signature = auth.prove(
            own.key.reveal(),
            auth.proof_octets(
                Role.CLIENT,
                client=own.name,
                server=peer.name,
                nonce_b=challenge.nonce,
                nonce_a=nonce_a,
                spki_hash=leaf.spki_hash,
            ),
        )
        reply = await stub.Prove(
            federation_pb2.ProveRequest(
                nonce_b=challenge.nonce, nonce_a=nonce_a, signature=signature
            ),
            timeout=_HANDSHAKE_SECONDS,
        )
        _check_peer_half(own, peer, reply, nonce_b=challenge.nonce, nonce_a=nonce_a, now=now())
    except grpc.aio.AioRpcError as error:
        await channel.close()
        if error.code() in NOT_INTRODUCED and not is_certificate_failure(error):
            raise _NotIntroducedError from error
        raise translated(error, peer.name) from error
    except BaseException:
        await channel.close()
        raise
    expires = min(float(reply.expires), now() + auth.SESSION_SECONDS_MAX)
    metadata = ((SESSION_METADATA, reply.session),)
    return Link(LentChannel(channel), stub, metadata, expires, leaf, peer.keys)


def _check_peer_half(
    own: OwnDomain,
    peer: Domain,
    reply: federation_pb2.ProveReply,
    *,
    nonce_b: bytes,
    nonce_a: bytes,
    now: float,
) -> None:
    shown = verify_leaf(reply.leaf, peer.name, peer.keys, now)
    octets = auth.proof_octets(
        Role.SERVER,
        client=own.name,
        server=peer.name,
        nonce_b=nonce_b,
        nonce_a=nonce_a,
        spki_hash=shown.spki_hash,
    )
    try:
        auth.verify_proof(peer.keys, octets, reply.signature)
    except Untrusted as error:
        raise Untrusted("peer-proof", f"the server of {peer.name} did not prove itself") from error
