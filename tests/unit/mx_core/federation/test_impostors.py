"""Permanent: who tries to speak for another domain is refused, at each of the three layers.

Real gRPC listeners on loopback.  docs/spec/federation.md §1.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import grpc.aio
import pytest

from mx_core.federation import auth
from mx_core.federation.auth import Role
from mx_core.federation.batch import sign_batch
from mx_core.federation.link import SESSION_METADATA, Link, open_link
from mx_core.proto import federation_pb2, federation_pb2_grpc
from mx_core.tls.channel import open_channel
from mx_core.tls.leaf import Leaf, make_leaf, spki_hash
from tests.support.certificates import crooked_leaf, key_of, pk_of, unconstrained_root
from tests.support.peer_server import Behaviour, PeerServer, peer_servers

pytestmark = pytest.mark.anyio

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
ITEM = federation_pb2.Item(route=b"bob@b.test", envelope=b"MXE1...", deliver_by=2_000_000_000)


class Caller:
    """A client that shows whatever leaf it likes and signs whatever it likes."""

    def __init__(self, server: PeerServer, leaf: Leaf | None) -> None:
        self.channel = open_channel(
            *server.federation,
            domain=server.domain,
            keys=[pk_of(server.domain)],
            now=time.time(),
            leaf=leaf,
        )
        self.stub = federation_pb2_grpc.FederationStub(self.channel)  # type: ignore[no-untyped-call]  # generated
        self.leaf = leaf

    async def challenge(self) -> bytes:
        reply = await self.stub.Challenge(federation_pb2.ChallengeRequest(), timeout=5)
        return bytes(reply.nonce)

    async def prove(self, proof: federation_pb2.ProveRequest) -> bytes:
        reply = await self.stub.Prove(proof, timeout=5)
        return bytes(reply.session)

    async def deliver(self, batch: federation_pb2.Batch, session: bytes) -> None:
        metadata = ((SESSION_METADATA, session),)
        await self.stub.DeliverBatch(batch, metadata=metadata, timeout=5)

    def proof(
        self, nonce_b: bytes, signer: str, client: str = "a.test"
    ) -> federation_pb2.ProveRequest:
        nonce_a = secrets.token_bytes(32)
        octets = auth.proof_octets(
            Role.CLIENT,
            client=client,
            server="b.test",
            nonce_b=nonce_b,
            nonce_a=nonce_a,
            spki_hash=spki_hash(self.leaf.der) if self.leaf else b"",
        )
        return federation_pb2.ProveRequest(
            nonce_b=nonce_b, nonce_a=nonce_a, signature=auth.prove(key_of(signer), octets)
        )


async def refusal(stack: AsyncExitStack, server: PeerServer, leaf: Leaf | None) -> grpc.StatusCode:
    caller = Caller(server, leaf)
    stack.push_async_callback(caller.channel.close)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await caller.challenge()
    return refused.value.code()


def batch_of(created: int | None = None) -> federation_pb2.Batch:
    return sign_batch(
        key_of("a.test"),
        [ITEM],
        sender="a.test",
        receiver="b.test",
        batch_id=secrets.token_bytes(16),
        created=int(time.time()) if created is None else created,
    )


# ── layer 1: TLS under the synthesised anchor ────────────────────────────────────────
STOPPED_BY_TLS: dict[str, Callable[[], Leaf | None]] = {
    "a known domain's key signs for another known domain": lambda: crooked_leaf(
        "a.test", ["c.test"], time.time()
    ),
    "a known domain's key signs under another's name": lambda: crooked_leaf(
        "a.test", ["c.test"], time.time(), issuer="c.test"
    ),
    "an unknown domain": lambda: make_leaf("x.test", key_of("x.test"), time.time()),
    "another key under a known name": lambda: crooked_leaf(
        "x.test", ["a.test"], time.time(), issuer="a.test"
    ),
    "expired": lambda: crooked_leaf("a.test", ["a.test"], time.time() - 8 * 86_400),
    "not yet valid": lambda: crooked_leaf("a.test", ["a.test"], time.time() + 86_400),
    "two domains": lambda: crooked_leaf("a.test", ["a.test", "c.test"], time.time()),
    "no certificate": lambda: None,
}


@pytest.mark.parametrize("case", STOPPED_BY_TLS)
async def test_tls_refuses(case: str, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        (b,) = await stack.enter_async_context(peer_servers(tmp_path, "b.test"))
        b.anchors.put("a.test", [pk_of("a.test")])
        b.anchors.put("c.test", [pk_of("c.test")])

        assert await refusal(stack, b, STOPPED_BY_TLS[case]()) is UNAVAILABLE
        assert b.challenged == b.refused == []


async def test_tls_lets_the_right_leaf_in_and_both_keys_during_a_change(tmp_path: Path) -> None:
    async with peer_servers(tmp_path, "b.test") as (b,):
        b.anchors.put("a.test", [pk_of("a.test"), pk_of("new.test")])
        for signer in ("a.test", "new.test"):
            caller = Caller(b, make_leaf("a.test", key_of(signer), time.time()))
            await caller.challenge()
            await caller.channel.close()

    assert b.challenged == ["a.test", "a.test"]


async def test_an_ed25519_leaf_does_not_work_at_all(tmp_path: Path) -> None:
    """Why the leaf is P-256: the client cannot even offer it."""
    leaf = crooked_leaf("a.test", ["a.test"], time.time(), ed25519_key=True)
    async with AsyncExitStack() as stack:
        (b,) = await stack.enter_async_context(peer_servers(tmp_path, "b.test"))
        b.anchors.put("a.test", [pk_of("a.test")])

        assert await refusal(stack, b, leaf) is UNAVAILABLE


# ── layer 2: the leaf is judged at every call ────────────────────────────────────────
STOPPED_BY_THE_CHECK: dict[str, tuple[Callable[[], Leaf], str]] = {
    "another domain": (lambda: crooked_leaf("a.test", ["c.test"], time.time()), "leaf-key"),
    "two domains": (lambda: crooked_leaf("a.test", ["a.test", "c.test"], time.time()), "leaf-san"),
    "a name below its own": (
        lambda: crooked_leaf("a.test", ["mail.a.test"], time.time()),
        "leaf-key",
    ),
    "a wildcard": (lambda: crooked_leaf("a.test", ["*.a.test"], time.time()), "leaf-san"),
}


@pytest.mark.parametrize("case", STOPPED_BY_THE_CHECK)
async def test_the_check_refuses_even_where_tls_trusts_the_peers_own_root(
    case: str, tmp_path: Path
) -> None:
    """The cross-domain attack against a listener without name constraints: measured to pass TLS."""
    make, failure = STOPPED_BY_THE_CHECK[case]
    own = make_leaf("b.test", key_of("b.test"), time.time())
    naive = grpc.ssl_server_credentials(
        [(own.key_pem, own.cert_pem)],
        root_certificates=unconstrained_root("a.test", time.time()),
        require_client_auth=True,
    )
    async with AsyncExitStack() as stack:
        (b,) = await stack.enter_async_context(
            peer_servers(
                tmp_path, "b.test", b=Behaviour(leaf=lambda: own, federation_credentials=naive)
            )
        )
        b.anchors.put("a.test", [pk_of("a.test")])
        b.anchors.put("c.test", [pk_of("c.test")])

        assert await refusal(stack, b, make()) is UNAUTHENTICATED
        assert b.refused == [failure]
        assert b.challenged == []


async def test_the_check_refuses_a_name_below_the_domain_that_the_anchor_permits(
    tmp_path: Path,
) -> None:
    """RFC 5280 §4.2.1.10: a constraint to a.test permits mail.a.test, which may be its own domain."""
    leaf = crooked_leaf("a.test", ["mail.a.test"], time.time())
    async with AsyncExitStack() as stack:
        (b,) = await stack.enter_async_context(peer_servers(tmp_path, "b.test"))
        b.anchors.put("a.test", [pk_of("a.test")])
        b.anchors.put("mail.a.test", [pk_of("mail.a.test")])

        assert await refusal(stack, b, leaf) is UNAUTHENTICATED
        assert b.refused == ["leaf-key"]


# ── layer 3: the domain key proves itself, bound to the leaf ─────────────────────────
async def test_a_stolen_leaf_without_the_domain_key_opens_no_session(tmp_path: Path) -> None:
    async with peer_servers(tmp_path, "b.test") as (b,):
        b.anchors.put("a.test", [pk_of("a.test")])
        caller = Caller(b, make_leaf("a.test", key_of("a.test"), time.time()))
        proof = caller.proof(await caller.challenge(), signer="evil.test")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await caller.prove(proof)
        await caller.channel.close()

    assert refused.value.code() is UNAUTHENTICATED
    assert b.refused == ["proof"]


async def test_a_replayed_proof_and_a_nonce_never_given_open_no_session(tmp_path: Path) -> None:
    async with peer_servers(tmp_path, "b.test") as (b,):
        b.anchors.put("a.test", [pk_of("a.test")])
        caller = Caller(b, make_leaf("a.test", key_of("a.test"), time.time()))
        proof = caller.proof(await caller.challenge(), signer="a.test")
        await caller.prove(proof)
        for again in (proof, caller.proof(b"n" * 32, signer="a.test")):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await caller.prove(again)
            assert refused.value.code() is UNAUTHENTICATED
        await caller.channel.close()

    assert b.refused == ["proof", "proof"]


async def test_a_proof_for_one_leaf_is_not_good_on_another(tmp_path: Path) -> None:
    async with peer_servers(tmp_path, "b.test") as (b,):
        b.anchors.put("a.test", [pk_of("a.test")])
        first = Caller(b, make_leaf("a.test", key_of("a.test"), time.time()))
        second = Caller(b, make_leaf("a.test", key_of("a.test"), time.time()))
        proof = first.proof(await second.challenge(), signer="a.test")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await second.prove(proof)
        await first.channel.close()
        await second.channel.close()

    assert refused.value.code() is UNAUTHENTICATED
    assert b.refused == ["proof"]


async def link_between(a: PeerServer, b: PeerServer) -> Link:
    return await open_link(a.own(), await a.finder.find(b.domain), time.time)


async def test_a_stolen_session_is_worth_nothing_on_another_leaf(tmp_path: Path) -> None:
    async with peer_servers(tmp_path, "a.test", "b.test", "c.test") as (a, b, c):
        link = await link_between(a, b)
        [(_, stolen)] = link.metadata
        b.anchors.put("c.test", [pk_of("c.test")])
        thieves = [
            Caller(b, make_leaf("a.test", a.key, time.time())),  # the same domain, a new leaf
            Caller(b, make_leaf("c.test", c.key, time.time())),
        ]
        for thief in thieves:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await thief.deliver(batch_of(), stolen)
            assert refused.value.code() is UNAUTHENTICATED
            await thief.channel.close()
        await link.channel.retire()

    assert b.refused == ["session", "session"]
    assert b.batches == []


async def test_no_session_no_delivery_no_look_up_no_body(tmp_path: Path) -> None:
    async with peer_servers(tmp_path, "b.test") as (b,):
        b.anchors.put("a.test", [pk_of("a.test")])
        caller = Caller(b, make_leaf("a.test", key_of("a.test"), time.time()))
        calls = [
            caller.stub.DeliverBatch(batch_of(), timeout=5),
            caller.stub.LookUp(federation_pb2.LookUpRequest(address="bob@b.test"), timeout=5),
            caller.stub.PutBlob(iter([federation_pb2.BlobChunk()]), timeout=5),
        ]
        for call in calls:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call
            assert refused.value.code() is UNAUTHENTICATED
        await caller.channel.close()

    assert b.refused == ["session"] * 3


async def test_a_tampered_an_old_and_a_replayed_batch_are_refused(tmp_path: Path) -> None:
    async with peer_servers(tmp_path, "a.test", "b.test") as (a, b):
        link = await link_between(a, b)
        good, tampered = batch_of(), batch_of()
        tampered.items[0].envelope = b"MXE1 of somebody else"
        await link.stub.DeliverBatch(good, metadata=link.metadata, timeout=5)
        for bad in (tampered, batch_of(int(time.time()) - 700), good):
            with pytest.raises(grpc.aio.AioRpcError):
                await link.stub.DeliverBatch(bad, metadata=link.metadata, timeout=5)
        await link.channel.retire()

    assert b.refused == ["bad-signature", "batch-window", "batch-replayed"]
    assert len(b.batches) == 1
