"""A peer that asks a real home server, by the client that home servers use themselves."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mx_core.admission.postage import BITS_USUAL, search
from mx_core.admission.tag_list import good_until, tag_list
from mx_core.discovery.finder import Finder
from mx_core.federation.client import PeerClient
from mx_core.federation.link import Link
from mx_core.notation.hashing import b2_plain
from mx_core.passport.make import Writer, set_profile
from mx_core.passport.op import Profile
from mx_core.proto import client_pb2
from mx_core.proto.federation_pb2 import Item, LookUpReply, LookUpRequest
from tests.support.home_device import SECONDS, HomeDevice
from tests.support.homes import HomeProcess
from tests.support.peer_server import Behaviour, PeerServer

NOBODY = "nobody@b.example"


async def close(device: HomeDevice, secrets: list[bytes]) -> None:
    """Let contacts with *secrets* alone find the person of *device*."""
    writer = Writer(device.device_id, device.key, device.identity)
    entry = set_profile(device.state, writer, Profile(lookup_open=False), time.time())
    await device.stub.AppendPassport(
        client_pb2.AppendPassportRequest(signed_entry=entry),
        metadata=device.metadata,
        timeout=SECONDS,
    )
    now = time.time()
    await device.stub.ReplaceTags(
        client_pb2.ReplaceTagsRequest(
            tags=tag_list(secrets, bytes(32), now), good_until=good_until(now)
        ),
        metadata=device.metadata,
        timeout=SECONDS,
    )


def paid(item: Item) -> Item:
    env_id = b2_plain(item.envelope)
    start, found = 0, None
    while found is None:
        found = search(
            BITS_USUAL,
            route=item.route,
            env_id=env_id,
            deliver_by=item.deliver_by,
            start=start,
            tries=1 << 16,
        )
        start += 1 << 16
    item.postage = found
    return item


class PlainPeer(PeerClient):
    """Calls of one domain to one other."""

    async def look_up_size(self, request: LookUpRequest) -> int:
        """Return the octets of the answer on the wire."""

        async def use(link: Link) -> LookUpReply:
            reply: LookUpReply = await link.stub.LookUp(
                request, metadata=link.metadata, timeout=SECONDS
            )
            return reply

        return (await self._call(use)).ByteSize()


@asynccontextmanager
async def plain_peer(home: HomeProcess, domain: str) -> AsyncIterator[PlainPeer]:
    """Give *domain*, which *home* can discover by the peers file beside it."""
    peers = home.folder.parent / "peers.toml"
    finder = Finder(peers=peers)
    server = PeerServer(domain, finder, Behaviour())
    await server.start()
    with peers.open("a", encoding="utf-8") as file:
        file.write(server.stanza())
    client = PlainPeer(server.own(), home.domain, finder, time.time)
    try:
        yield client
    finally:
        await client.close()
        await server.stop()
