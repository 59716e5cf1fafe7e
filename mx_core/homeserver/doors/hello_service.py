"""The hello listener: who this domain is, and the introduction of a caller.  No session, no mail.

An introduction makes this server look up a stranger's key, so it is bounded: calls a minute for
each network, and the finder's own limits; what is over it costs a dictionary look-up, and the caller
a wait, so that who introduces one domain after the other does not get all of a processor for calls
that are refused.  Nothing that the caller says of itself is believed.  docs/spec/federation.md §2.
"""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Any, Final
from urllib.parse import unquote

import structlog
from typing_extensions import override

from mx_core.discovery.finder import Finder
from mx_core.homeserver.bounds.peer_rules import PeerRules
from mx_core.homeserver.bounds.rate import Rate
from mx_core.homeserver.domain.document import OwnDocument
from mx_core.model.address import canonical_domain
from mx_core.model.errors import Busy, NotPermitted, Refused
from mx_core.proto import hello_pb2
from mx_core.proto.hello_pb2_grpc import HelloServicer
from mx_core.tls.anchors import AnchorSet

_log = structlog.get_logger()

VERSION: Final = 1
_SLOW_SECONDS: Final = 0.25  # until who asks too often is told so
_SLOWED_MAX: Final = 256  # who wait for that; beyond them it is said at once
_V4_PREFIX: Final = 24
_V6_PREFIX: Final = 48


class HelloService(HelloServicer):
    """One listener."""

    def __init__(
        self,
        domain: str,
        document: OwnDocument,
        finder: Finder,
        anchors: AnchorSet,
        rules: PeerRules,
        rate: Rate,
    ) -> None:
        self._domain = domain
        self._document = document
        self._finder = finder
        self._anchors = anchors
        self._rules = rules
        self._rate = rate
        self._slowed = 0

    @override
    async def Introduce(
        self, request: hello_pb2.IntroduceRequest, context: Any
    ) -> hello_pb2.IntroduceReply:
        """Discover the caller's keys and let it into the federation listener."""
        if self._rate.wait(network_of(context.peer())):
            await self._slow()
            raise Busy("too many introductions from your network; try again in a minute")
        domain = canonical_domain(request.domain)
        if domain == self._domain:
            raise NotPermitted("a domain does not introduce itself to itself")
        self._rules.must_allow(domain)
        if not request.version_min <= VERSION <= request.version_max:
            raise Refused(f"this server speaks version {VERSION} only")
        found = await self._finder.find(domain)
        self._anchors.put(found.name, found.keys)
        _log.info("peer_introduced", peer_domain=found.name, how=str(found.how))
        own = self._document.current()
        return hello_pb2.IntroduceReply(
            version=VERSION, document=own.octets, signature=own.signature
        )

    async def _slow(self) -> None:
        if self._slowed >= _SLOWED_MAX:
            return
        self._slowed += 1
        try:
            await asyncio.sleep(_SLOW_SECONDS)
        finally:
            self._slowed -= 1

    @override
    async def GetServerInfo(
        self, request: hello_pb2.ServerInfoRequest, context: Any
    ) -> hello_pb2.ServerInfoReply:
        """Give the signed document of the domain that is served here."""
        if request.domain != self._domain:
            raise Refused("this server does not serve that domain")
        own = self._document.current()
        return hello_pb2.ServerInfoReply(document=own.octets, signature=own.signature)


def network_of(peer: str) -> str:
    """Return the /24 or /48 that a gRPC peer text (``ipv4:1.2.3.4:5``) belongs to."""
    host = unquote(peer).partition(":")[2].rpartition(":")[0].strip("[]")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return peer.partition(":")[0]
    prefix = _V4_PREFIX if address.version == 4 else _V6_PREFIX  # noqa: PLR2004  # IP versions
    return str(ipaddress.ip_network((address, prefix), strict=False))
