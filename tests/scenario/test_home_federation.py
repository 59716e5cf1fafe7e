"""The federation listener of a real home server, and peers that are not what they say."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import AsyncIterator

import grpc
import pytest

from mx_core.discovery.finder import Domain, Finder
from mx_core.federation import auth
from mx_core.federation.auth import Role
from mx_core.federation.batch import sign_batch
from mx_core.federation.link import Link, introduce, open_link
from mx_core.notation.hashing import b2_plain
from mx_core.proto import (
    client_pb2,
    client_pb2_grpc,
    federation_pb2,
    federation_pb2_grpc,
    hello_pb2,
    hello_pb2_grpc,
)
from mx_core.proto.federation_pb2 import (
    ACCEPTED,
    DUPLICATE,
    EXPIRED,
    NOT_AVAILABLE,
    WHOLE,
    Batch,
    BlobRef,
    Item,
)
from mx_core.tls.channel import open_channel
from mx_core.tls.leaf import Leaf, make_leaf, spki_hash
from tests.support.certificates import crooked_leaf, key_of
from tests.support.home_device import SECONDS, HomeDevice, item_for
from tests.support.homes import HomeProcess, Homes
from tests.support.peer_server import Behaviour, PeerServer

pytestmark = [pytest.mark.anyio, pytest.mark.fleet]

SETTINGS = "[limits]\nhello_per_minute = 1000\n"
STRANGER = "evil.example"


@pytest.fixture(scope="module")
def home(homes: Homes) -> HomeProcess:
    return homes.make("b.example", SETTINGS)


@contextlib.asynccontextmanager
async def _stranger(homes: Homes, name: str = STRANGER) -> AsyncIterator[tuple[PeerServer, Domain]]:
    """Give a peer that the home can discover, and the home as that peer has found it."""
    finder = Finder(peers=homes.peers)
    peer = PeerServer(name, finder, Behaviour())
    await peer.start()
    text = homes.peers.read_text()
    homes.peers.write_text(text.partition(f'[peers."{name}"]')[0] + peer.stanza())
    try:
        yield peer, await finder.find("b.example")
    finally:
        await peer.stop()


def _federation(found: Domain, leaf: Leaf | None) -> grpc.aio.Channel:
    host, port = found.federation
    return open_channel(host, port, domain=found.name, keys=found.keys, now=time.time(), leaf=leaf)


async def _code(call: object) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call  # type: ignore[misc]
    return caught.value.code()


async def _challenge(found: Domain, leaf: Leaf | None) -> grpc.StatusCode:
    channel = _federation(found, leaf)
    try:
        stub = federation_pb2_grpc.FederationStub(channel)  # type: ignore[no-untyped-call]
        return await _code(stub.Challenge(federation_pb2.ChallengeRequest(), timeout=SECONDS))
    finally:
        await channel.close()


def _batch(items: list[Item], **changes: str) -> Batch:
    said = {"sender": STRANGER, "receiver": "b.example", "key": STRANGER, **changes}
    return sign_batch(
        key_of(said["key"]),
        items,
        sender=said["sender"],
        receiver=said["receiver"],
        batch_id=os.urandom(16),
        created=int(time.time()),
    )


async def _deliver(link: Link, batch: Batch) -> list[int]:
    reply = await link.stub.DeliverBatch(batch, metadata=link.metadata, timeout=SECONDS)
    return [item.status for item in reply.items]


# ── who is let in ────────────────────────────────────────────────────────────────────
@pytest.mark.usefixtures("home")
async def test_a_stranger_a_crooked_leaf_and_no_leaf_are_kept_out(homes: Homes) -> None:
    """The cross-domain attack: a domain that is let in signs a leaf for another one."""
    async with _stranger(homes, "first.example") as (peer, found):
        assert await _challenge(found, peer.leaf()) == grpc.StatusCode.UNAVAILABLE
        await introduce(peer.own(), found, time.time)
        link = await open_link(peer.own(), found, time.time)
        await link.channel.retire()
        now = time.time()
        for names, code in (
            (["a.example"], grpc.StatusCode.UNAVAILABLE),
            (["b.example"], grpc.StatusCode.UNAVAILABLE),
            (["first.example", "a.example"], grpc.StatusCode.UNAVAILABLE),
            # the constraint permits what is below the domain; the check of the leaf does not
            (["mail.first.example"], grpc.StatusCode.UNAUTHENTICATED),
        ):
            leaf = crooked_leaf("first.example", names, now)
            assert await _challenge(found, leaf) == code, names
        forged = crooked_leaf("c.example", ["first.example"], now, issuer="first.example")
        assert await _challenge(found, forged) == grpc.StatusCode.UNAVAILABLE
        assert await _challenge(found, None) == grpc.StatusCode.UNAVAILABLE


@pytest.mark.usefixtures("home")
async def test_a_proof_counts_once_and_by_the_domain_key_only(homes: Homes) -> None:
    async with _stranger(homes) as (peer, found):
        link = await open_link(peer.own(), found, time.time)
        hash_ = spki_hash(peer.leaf().der)

        async def request(key: str, leaf_hash: bytes = hash_) -> federation_pb2.ProveRequest:
            challenge = await link.stub.Challenge(
                federation_pb2.ChallengeRequest(), timeout=SECONDS
            )
            nonce_a = os.urandom(32)
            octets = auth.proof_octets(
                Role.CLIENT,
                client=STRANGER,
                server=found.name,
                nonce_b=challenge.nonce,
                nonce_a=nonce_a,
                spki_hash=leaf_hash,
            )
            return federation_pb2.ProveRequest(
                nonce_b=challenge.nonce,
                nonce_a=nonce_a,
                signature=auth.prove(key_of(key), octets),
            )

        good = await request(STRANGER)
        await link.stub.Prove(good, timeout=SECONDS)
        for bad in (good, await request("a.example"), await request(STRANGER, bytes(32))):
            code = await _code(link.stub.Prove(bad, timeout=SECONDS))
            assert code == grpc.StatusCode.UNAUTHENTICATED
        await link.channel.retire()


@pytest.mark.usefixtures("home")
async def test_a_session_is_worth_nothing_on_another_leaf(homes: Homes) -> None:
    async with _stranger(homes) as (peer, found):
        link = await open_link(peer.own(), found, time.time)
        other = _federation(found, make_leaf(STRANGER, peer.key, time.time()))
        stub = federation_pb2_grpc.FederationStub(other)  # type: ignore[no-untyped-call]
        batch = _batch([item_for("bob@b.example")])
        for metadata in (link.metadata, (), (("mx-session-bin", b"x" * 40),)):
            call = stub.DeliverBatch(batch, metadata=metadata, timeout=SECONDS)
            assert await _code(call) == grpc.StatusCode.UNAUTHENTICATED
        await other.close()
        await link.channel.retire()


# ── batches ──────────────────────────────────────────────────────────────────────────
async def test_each_item_of_a_batch_gets_its_own_answer(homes: Homes, home: HomeProcess) -> None:
    async with _stranger(homes) as (peer, found), HomeDevice(home, "bob") as bob:
        await bob.join()
        link = await open_link(peer.own(), found, time.time)
        good, again = item_for(bob.address), item_for(bob.address)
        late = item_for(bob.address)
        late.deliver_by = int(time.time()) - 1
        items = [
            good,
            good,
            item_for("nobody@b.example"),
            item_for("bob@c.example"),
            late,
            item_for(bob.address, BlobRef(id=b2_plain(b"never put"), size=300_000)),
            again,
        ]

        assert await _deliver(link, _batch(items)) == [
            *(ACCEPTED, DUPLICATE, NOT_AVAILABLE, NOT_AVAILABLE, EXPIRED, WHOLE, ACCEPTED)
        ]
        assert await _deliver(link, _batch([good, again])) == [DUPLICATE, DUPLICATE]
        waiting = await bob.collect().until_empty()
        assert [each.arrived.item.envelope for each in waiting] == [good.envelope, again.envelope]
        assert {each.arrived.peer_domain for each in waiting} == {STRANGER}
        await link.channel.retire()


@pytest.mark.usefixtures("home")
async def test_a_batch_is_refused_whole_unless_its_domain_signed_it_for_us_now(
    homes: Homes,
) -> None:
    async with _stranger(homes) as (peer, found):
        link = await open_link(peer.own(), found, time.time)
        item = item_for("nobody@b.example")
        good = _batch([item])
        assert await _deliver(link, good) == [NOT_AVAILABLE]
        altered = Batch()
        altered.CopyFrom(_batch([item]))
        altered.items[0].deliver_by += 1
        for bad in (
            good,  # replayed
            altered,
            _batch([item], key="a.example"),
            _batch([item], sender="a.example"),
            _batch([item], receiver="c.example"),
            _batch([item] * 65),
            _batch([]),
        ):
            assert await _code(_deliver(link, bad)) == grpc.StatusCode.INVALID_ARGUMENT
        await link.channel.retire()


@pytest.mark.usefixtures("home")
async def test_a_peer_may_look_up_and_put_but_not_fetch(homes: Homes) -> None:
    async with _stranger(homes) as (peer, found):
        link = await open_link(peer.own(), found, time.time)
        request = federation_pb2.LookUpRequest(address="nobody@b.example")
        reply = await link.stub.LookUp(request, metadata=link.metadata, timeout=SECONDS)
        assert (reply.card, reply.ByteSize()) == (b"", 16 * 1024)
        elsewhere = federation_pb2.LookUpRequest(address=f"x@{STRANGER}")
        reply = await link.stub.LookUp(elsewhere, metadata=link.metadata, timeout=SECONDS)
        assert reply.card == b""  # asks nobody else for a peer
        call = link.stub.GetBlob(
            federation_pb2.BlobRequest(id=bytes(32)), metadata=link.metadata, timeout=SECONDS
        )
        assert await _code(call.read()) == grpc.StatusCode.PERMISSION_DENIED
        await link.channel.retire()


# ── listeners ────────────────────────────────────────────────────────────────────────
async def test_each_listener_serves_its_own_calls_only(homes: Homes, home: HomeProcess) -> None:
    found = await Finder(peers=homes.peers).find("b.example")
    for port in (home.hello, home.client):
        channel = open_channel(
            "127.0.0.1", port, domain=found.name, keys=found.keys, now=time.time()
        )
        federation = federation_pb2_grpc.FederationStub(channel)  # type: ignore[no-untyped-call]
        call = federation.DeliverBatch(Batch(), timeout=SECONDS)
        assert await _code(call) == grpc.StatusCode.UNIMPLEMENTED
        if port == home.hello:
            client = client_pb2_grpc.ClientStub(channel)  # type: ignore[no-untyped-call]
            call = client.Register(client_pb2.RegisterRequest(), timeout=SECONDS)
        else:
            hello = hello_pb2_grpc.HelloStub(channel)  # type: ignore[no-untyped-call]
            call = hello.GetServerInfo(
                hello_pb2.ServerInfoRequest(domain="b.example"), timeout=SECONDS
            )
        assert await _code(call) == grpc.StatusCode.UNIMPLEMENTED
        await channel.close()


async def test_introductions_are_few_and_only_of_domains_that_can_be_found(homes: Homes) -> None:
    home = homes.make("few.example", "[limits]\nhello_per_minute = 4\n")
    found = await Finder(peers=homes.peers).find(home.domain)
    channel = open_channel(
        "127.0.0.1", home.hello, domain=found.name, keys=found.keys, now=time.time()
    )
    hello = hello_pb2_grpc.HelloStub(channel)  # type: ignore[no-untyped-call]

    async def says(domain: str, version: int = 1) -> grpc.StatusCode:
        request = hello_pb2.IntroduceRequest(
            domain=domain, version_min=version, version_max=version
        )
        return await _code(hello.Introduce(request, timeout=SECONDS))

    assert await says("no domain") == grpc.StatusCode.INVALID_ARGUMENT
    assert await says("few.example") == grpc.StatusCode.PERMISSION_DENIED
    assert await says("x.example", 2) == grpc.StatusCode.INVALID_ARGUMENT
    assert await says("x.example", 3) == grpc.StatusCode.INVALID_ARGUMENT
    assert await says("x.example") == grpc.StatusCode.RESOURCE_EXHAUSTED
    await channel.close()
