"""Domains as a ``Finder`` meets them: a DNS, web sites, servers, and a clock that is set."""

from __future__ import annotations

import time
from dataclasses import dataclass

from typing_extensions import override

from mx_core.discovery.finder import Finder, KeyMemory, ProcessMemory
from mx_core.discovery.txt import TxtRecord, render_record
from tests.support.certificates import key_of, pk_of
from tests.support.dns import Dns, txt_line
from tests.support.peer_server import PeerServer, signed_document
from tests.support.web_site import WebSite

SIGNED, PLAIN, BOGUS = "signed.test", "plain.test", "bogus.test"
HOURS = 3_600.0


class Clock:
    """Real time, moved on by hand."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class CountingMemory(KeyMemory):
    """A memory that says how often it was asked: once per search."""

    def __init__(self) -> None:
        self.inner = ProcessMemory()
        self.searches = 0

    @override
    async def recall(self, domain: str) -> bytes | None:
        self.searches += 1
        return await self.inner.recall(domain)

    @override
    async def remember(self, domain: str, octets: bytes) -> None:
        await self.inner.remember(domain, octets)


@dataclass
class World:
    """Three zones, a server for each, one web site, and a finder that looks at them."""

    dns: Dns
    web: WebSite
    servers: dict[str, PeerServer]
    clock: Clock
    memory: CountingMemory
    finder: Finder

    def publish(self, zone: str, *keys: bytes, ttl: int = 300) -> None:
        record = TxtRecord(keys or (pk_of(zone),), self.servers[zone].hello)
        self.dns.publish(zone, [txt_line("_mailx", render_record(record), ttl), "@ A 127.0.0.1"])

    def publish_on_the_web(self, zone: str, *, signer: str = "") -> None:
        server = self.servers[zone]
        self.web.publishes(
            signed_document(
                zone, key_of(signer or zone), hello=server.hello, federation=server.federation
            )
        )
