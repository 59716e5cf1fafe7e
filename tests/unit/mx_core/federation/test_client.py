"""One peer over real gRPC: first contact, delivery, bodies, look-ups, and what goes wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from mx_core.federation.client import PeerClient, split
from mx_core.federation.own import OwnDomain
from mx_core.model.errors import Busy, PeerUnreachable, Untrusted
from mx_core.model.secret import Secret
from mx_core.notation.hashing import b2_plain
from mx_core.proto import federation_pb2
from mx_core.tls.leaf import Leaf, Leaves, make_leaf
from tests.support.certificates import crooked_leaf, key_of
from tests.support.peer_server import Behaviour, PeerServer, peer_servers

pytestmark = pytest.mark.anyio

ITEM = federation_pb2.Item(route=b"bob@b.test", envelope=b"MXE1...", deliver_by=2_000_000_000)
ACCEPTED = federation_pb2.ACCEPTED


def client_of(a: PeerServer, peer: str = "b.test") -> PeerClient:
    return PeerClient(a.own(), peer, a.finder, time.time)


async def test_a_stranger_introduces_itself_once_and_is_then_let_in(tmp_path: Path) -> None:
    async with peer_servers(tmp_path, "a.test", "b.test") as (a, b):
        client = client_of(a)
        first = await client.deliver([ITEM])
        second = await client.deliver([ITEM, ITEM])
        await client.close()

    assert [reply.status for reply in first + second] == [ACCEPTED] * 3
    assert b.introductions == ["a.test"]
    assert b.challenged == ["a.test"]
    assert [len(batch.items) for batch in b.batches] == [1, 2]


async def test_items_travel_in_batches_of_64_and_one_mebibyte_in_order(tmp_path: Path) -> None:
    small = [federation_pb2.Item(route=b"%d@b.test" % n) for n in range(130)]
    big = [federation_pb2.Item(route=b"big", body=bytes(256 * 1024)) for _ in range(5)]

    async with peer_servers(tmp_path, "a.test", "b.test") as (a, b):
        client = client_of(a)
        replies = await client.deliver(small + big)
        await client.close()

    assert len(replies) == 135
    assert [len(batch.items) for batch in b.batches] == [64, 64, 5, 2]
    assert [item for batch in b.batches for item in batch.items] == small + big


def test_an_item_larger_than_a_batch_goes_alone() -> None:
    huge = federation_pb2.Item(body=bytes(2 * 1024 * 1024))

    assert [len(batch) for batch in split([ITEM, huge, ITEM])] == [1, 1, 1]
    assert list(split([])) == []


async def test_answers_given_before_a_batch_failed_are_kept(tmp_path: Path) -> None:
    async with peer_servers(tmp_path, "a.test", "b.test", b=Behaviour(break_batches_from=1)) as (
        a,
        _,
    ):
        client = client_of(a)
        replies = await client.deliver([ITEM] * 100)
        with pytest.raises(Busy):
            await client.deliver([ITEM])
        await client.close()

    assert [reply.status for reply in replies] == [ACCEPTED] * 64 + [federation_pb2.DEFERRED] * 36


async def test_a_peer_that_does_not_answer_for_each_item_is_asked_again_later(
    tmp_path: Path,
) -> None:
    async with peer_servers(
        tmp_path, "a.test", "b.test", b=Behaviour(next_replies=[[federation_pb2.ItemReply()]])
    ) as (a, _):
        client = client_of(a)
        with pytest.raises(PeerUnreachable):
            await client.deliver([ITEM, ITEM])
        await client.close()


async def test_a_peer_that_restarted_is_told_again_who_calls(tmp_path: Path) -> None:
    async with peer_servers(tmp_path, "a.test", "b.test") as (a, b):
        client = client_of(a)
        await client.deliver([ITEM])
        await b.restart()
        replies = await client.deliver([ITEM])
        await client.close()

    assert [reply.status for reply in replies] == [ACCEPTED]
    assert b.introductions == ["a.test", "a.test"]


async def test_a_peer_that_evicted_our_anchor_is_told_again_who_calls(tmp_path: Path) -> None:
    async with peer_servers(tmp_path, "a.test", "b.test") as (a, b):
        client = client_of(a)
        await client.deliver([ITEM])
        b.anchors.drop("a.test")
        await client.deliver([ITEM])
        await client.close()

    assert b.introductions == ["a.test", "a.test"]
    assert b.refused == ["leaf-key"]


async def test_a_renewed_leaf_makes_a_new_link_under_the_same_anchor(tmp_path: Path) -> None:
    async with peer_servers(tmp_path, "a.test", "b.test") as (a, b):
        leaf = [a.leaf()]
        own = OwnDomain("a.test", Secret(a.key), lambda: leaf[0], a.document)
        client = PeerClient(own, "b.test", a.finder, time.time)
        await client.deliver([ITEM])
        leaf[0] = make_leaf("a.test", a.key, time.time())
        await client.deliver([ITEM])
        await client.close()

    assert b.challenged == ["a.test", "a.test"]
    assert b.introductions == ["a.test"]


async def test_a_call_under_way_ends_well_when_the_link_is_replaced_or_closed(
    tmp_path: Path,
) -> None:
    body = bytes(600_000)
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def read(offset: int, length: int) -> bytes:
        asked.set()
        await go_on.wait()
        return body[offset : offset + length]

    async with peer_servers(tmp_path, "a.test", "b.test") as (a, b):
        client = client_of(a)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(client.put_blob(b2_plain(body), len(body), read))
            await asked.wait()
            a.leaf = Leaves("a.test", a.key, time.time).current
            client._own = a.own()
            await client.deliver([ITEM])
            await client.close()
            go_on.set()

    assert bytes(b.blobs[b2_plain(body)]) == body
    assert b.challenged == ["a.test", "a.test"]


async def test_a_session_that_runs_out_is_proved_again_before_it_does(tmp_path: Path) -> None:
    async with peer_servers(tmp_path, "a.test", "b.test") as (a, b):
        client = client_of(a)
        await client.deliver([ITEM])
        assert client._link is not None
        client._link = replace(client._link, expires=time.time() + 59)
        await client.deliver([ITEM])
        await client.close()

    assert b.challenged == ["a.test", "a.test"]
    assert b.refused == []


async def test_a_peer_that_is_not_there_is_unreachable_at_once(tmp_path: Path) -> None:
    async with peer_servers(tmp_path, "a.test", "b.test") as (a, b):
        await a.finder.find("b.test")
        await b.stop()
        client = client_of(a)
        started = time.monotonic()
        with pytest.raises(PeerUnreachable):
            await client.deliver([ITEM])
        await client.close()

    assert time.monotonic() - started < 5


async def test_a_peer_that_lets_nobody_in_is_not_asked_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mx_core.federation.link._PAUSES_SECONDS", (0.0, 0.01))
    async with peer_servers(tmp_path, "a.test", "b.test", b=Behaviour(lets_in=False)) as (a, b):
        client = client_of(a)
        for _ in range(2):
            with pytest.raises(PeerUnreachable):
                await client.deliver([ITEM])
        client._opened.extend([asyncio.get_running_loop().time()] * 5)
        with pytest.raises(PeerUnreachable, match="often enough"):
            await client.deliver([ITEM])
        await client.close()

    assert len(b.introductions) == 2
    assert b.challenged == []


async def test_another_version_is_no_common_language(tmp_path: Path) -> None:
    async with peer_servers(tmp_path, "a.test", "b.test", b=Behaviour(version=2)) as (a, _):
        client = client_of(a)
        with pytest.raises(PeerUnreachable, match="version"):
            await client.deliver([ITEM])
        await client.close()


# ── a peer that is not who it should be ──────────────────────────────────────────────
BAD_LEAVES: dict[str, Callable[[], Leaf]] = {
    "by another key": lambda: crooked_leaf("evil.test", ["b.test"], time.time(), issuer="b.test"),
    "for another domain": lambda: crooked_leaf("b.test", ["c.test"], time.time()),
    "expired": lambda: crooked_leaf("b.test", ["b.test"], time.time() - 8 * 86_400),
    "not yet valid": lambda: crooked_leaf("b.test", ["b.test"], time.time() + 86_400),
    "for two domains": lambda: crooked_leaf("b.test", ["b.test", "c.test"], time.time()),
}


@pytest.mark.parametrize("case", BAD_LEAVES)
async def test_a_server_with_a_bad_certificate_is_refused_by_tls(tmp_path: Path, case: str) -> None:
    async with peer_servers(tmp_path, "a.test", "b.test") as (a, b):
        await a.finder.find("b.test")
        await b.stop()
        bad = BAD_LEAVES[case]()
        b.leaf = lambda: bad
        b.anchors = type(b.anchors)(b.leaf, time.time)
        await b.start()
        client = client_of(a)
        with pytest.raises(Untrusted) as refused:
            await client.deliver([ITEM])
        await client.close()

    assert refused.value.failure == "peer-certificate"
    assert (b.introductions, b.challenged) == ([], [])


async def test_a_server_with_two_names_inside_its_domain_is_refused_at_layer_two(
    tmp_path: Path,
) -> None:
    two = crooked_leaf("b.test", ["b.test", "www.b.test"], time.time())

    async with peer_servers(tmp_path, "a.test", "b.test", b=Behaviour(leaf=lambda: two)) as (a, _):
        client = client_of(a)
        with pytest.raises(Untrusted) as refused:
            await client.deliver([ITEM])
        await client.close()

    assert refused.value.failure == "leaf-san"


async def test_a_server_without_the_domain_key_cannot_give_its_half(tmp_path: Path) -> None:
    """It holds a good leaf (stolen within its week) but not the key."""
    async with peer_servers(
        tmp_path, "a.test", "b.test", b=Behaviour(proof_key=key_of("evil.test"))
    ) as (a, b):
        client = client_of(a)
        with pytest.raises(Untrusted) as refused:
            await client.deliver([ITEM])
        await client.close()

    assert refused.value.failure == "peer-proof"
    assert b.batches == []


async def test_a_server_that_shows_another_leaf_in_its_half_is_refused(tmp_path: Path) -> None:
    foreign = crooked_leaf("c.test", ["c.test"], time.time())

    async with peer_servers(tmp_path, "a.test", "b.test", b=Behaviour(proof_leaf=foreign.der)) as (
        a,
        _,
    ):
        client = client_of(a)
        with pytest.raises(Untrusted) as refused:
            await client.deliver([ITEM])
        await client.close()

    assert refused.value.failure == "leaf-key"


# ── bodies and look-ups ──────────────────────────────────────────────────────────────
async def test_a_body_is_put_in_chunks_goes_on_where_it_broke_off_and_is_got_back(
    tmp_path: Path,
) -> None:
    body = bytes(range(256)) * 4_000  # 1,024,000 octets: four chunks
    blob_id = b2_plain(body)
    reads: list[tuple[int, int]] = []

    async def read(offset: int, length: int) -> bytes:
        reads.append((offset, length))
        return body[offset : offset + length]

    async with peer_servers(
        tmp_path, "a.test", "b.test", b=Behaviour(blob_octets_at_once=512 * 1024)
    ) as (a, b):
        client = client_of(a)
        await client.put_blob(blob_id, len(body), read)
        fetched = await client.get_blob(blob_id, len(body))
        b.behaviour.blob_spoiled = True
        with pytest.raises(Untrusted) as spoiled:
            await client.get_blob(blob_id, len(body))
        with pytest.raises(Untrusted):
            await client.get_blob(blob_id, len(body) - 100_000)
        await client.close()

    assert bytes(b.blobs[blob_id]) == body == fetched
    assert max(length for _, length in reads) == 256 * 1024
    assert spoiled.value.failure == "blob"


async def test_a_peer_that_keeps_nothing_of_a_body_is_not_asked_for_ever(tmp_path: Path) -> None:
    async def read(_: int, length: int) -> bytes:
        return bytes(length)

    async with peer_servers(tmp_path, "a.test", "b.test", b=Behaviour(blob_octets_at_once=0)) as (
        a,
        _,
    ):
        client = client_of(a)
        with pytest.raises(PeerUnreachable):
            await client.put_blob(b"i" * 32, 1_000, read)
        await client.close()


async def test_a_look_up_gives_the_card_or_nothing_or_asks_for_patience(tmp_path: Path) -> None:
    async with peer_servers(tmp_path, "a.test", "b.test") as (a, b):
        client = client_of(a)
        b.behaviour.look_up_reply = federation_pb2.LookUpReply(card=b"card", padding=bytes(16_000))
        found = await client.look_up("bob@b.test")
        b.behaviour.look_up_reply = federation_pb2.LookUpReply(padding=bytes(16_000))
        absent = await client.look_up("eve@b.test")
        b.behaviour.look_up_reply = federation_pb2.LookUpReply(retry_after=60)
        with pytest.raises(Busy):
            await client.look_up("bob@b.test")
        await client.close()

    assert (found, absent) == (b"card", None)
    assert b.looked_up == ["bob@b.test", "eve@b.test", "bob@b.test"]
