"""Introduction and proof, one step at a time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mx_core.federation.link import introduce, open_link
from mx_core.model.errors import PeerUnreachable, Untrusted
from tests.support.certificates import key_of, pk_of
from tests.support.peer_server import peer_servers

pytestmark = pytest.mark.anyio


async def test_a_link_knows_its_end_its_leaf_and_the_keys_it_was_made_under(tmp_path: Path) -> None:
    async with peer_servers(tmp_path, "a.test", "b.test") as (a, b):
        link = await open_link(a.own(), await a.finder.find("b.test"), time.time)
        await link.channel.retire()

    assert link.leaf is a.leaf()
    assert link.keys == (pk_of("b.test"),)
    assert 3_500 < link.expires - time.time() <= 3_600
    assert b.challenged == ["a.test"]


async def test_who_is_known_already_does_not_introduce_itself(tmp_path: Path) -> None:
    async with peer_servers(tmp_path, "a.test", "b.test") as (a, b):
        b.anchors.put("a.test", [pk_of("a.test")])
        link = await open_link(a.own(), await a.finder.find("b.test"), time.time)
        await link.channel.retire()

    assert b.introductions == []


async def test_a_caller_that_cannot_be_discovered_is_not_let_in(tmp_path: Path) -> None:
    async with peer_servers(tmp_path, "a.test", "b.test") as (a, b):
        peer = await a.finder.find("b.test")
        await a.stop()  # nobody answers when b asks for a's document
        with pytest.raises(PeerUnreachable):
            await introduce(a.own(), peer, time.time)

    assert "a.test" not in b.anchors


async def test_an_introduction_answered_with_a_document_by_another_key_is_refused(
    tmp_path: Path,
) -> None:
    async with peer_servers(tmp_path, "a.test", "b.test") as (a, b):
        peer = await a.finder.find("b.test")
        b.behaviour.hello_key = key_of("evil.test")
        with pytest.raises(Untrusted) as refused:
            await open_link(a.own(), peer, time.time)

    assert refused.value.failure == "bad-signature"


async def test_a_caller_under_another_key_than_was_discovered_never_gets_in(tmp_path: Path) -> None:
    async with peer_servers(tmp_path, "a.test", "b.test") as (a, b):
        peer = await a.finder.find("b.test")
        b.anchors.put("a.test", [pk_of("other.test")])
        await a.stop()
        with pytest.raises(PeerUnreachable):
            await open_link(a.own(), peer, time.time)

    assert b.challenged == []
