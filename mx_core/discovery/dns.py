"""Questions to one validating resolver.  The stub validates nothing itself.

The AD bit counts only from a resolver that the operator named, or from loopback (RFC 6840 §5.8):
anything between us and another resolver could set it.  AD and DO are sent so that it is answered.
Negative answers live min(SOA TTL, MINIMUM) (RFC 2308 §5); all times are clamped.
docs/spec/discovery.md §2.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.TXT import TXT

from mx_core.discovery.txt import OWNER_LABEL
from mx_core.model.errors import PeerUnreachable

TTL_SECONDS_MIN: Final = 60.0
TTL_SECONDS_MAX: Final = 86_400.0
NEGATIVE_SECONDS_MAX: Final = 600.0
_EDNS_PAYLOAD: Final = 1_232
_ADDRESSES_MAX: Final = 8


@dataclass(frozen=True, slots=True)
class ResolverSettings:
    """Which resolver to ask; an empty *nameserver* means the system's."""

    nameserver: str = ""  # an address, not a name
    port: int = 53
    timeout_seconds: float = 2.0  # for one question on the wire
    lifetime_seconds: float = 5.0  # for all repetitions together


@dataclass(frozen=True, slots=True)
class Found:
    """TXT strings of a name, for *ttl* seconds; *validated* by DNSSEC."""

    texts: tuple[str, ...]
    ttl: float
    validated: bool


@dataclass(frozen=True, slots=True)
class Absent:
    """An authoritative no, for *ttl* seconds."""

    ttl: float
    validated: bool


class Resolver:
    """A stub for one recursive resolver; keeps no cache."""

    def __init__(self, settings: ResolverSettings) -> None:
        """The system's resolvers are read once, when the settings name none."""
        self._stub = _stub(settings)
        self._lifetime = settings.lifetime_seconds
        self._may_validate = bool(settings.nameserver) or all(
            _is_loopback(str(server)) for server in self._stub.nameservers
        )

    async def mailx(self, domain: str) -> Found | Absent:
        """Return the TXT strings at ``_mailx.<domain>``.

        Raises:
            PeerUnreachable: No answer, or one that DNSSEC refuses (SERVFAIL).
        """
        response = await self._ask(f"{OWNER_LABEL}.{domain}", dns.rdatatype.TXT)
        chain = response.resolve_chaining()
        validated = self._may_validate and bool(response.flags & dns.flags.AD)
        if chain.answer is None:
            negative = _clamp(chain.minimum_ttl, NEGATIVE_SECONDS_MAX)
            return Absent(negative, validated)
        texts = tuple(
            b"".join(record.strings).decode("ascii")
            for record in chain.answer
            if isinstance(record, TXT) and b"".join(record.strings).isascii()
        )
        return Found(texts, _clamp(chain.minimum_ttl, TTL_SECONDS_MAX), validated)

    async def addresses(self, host: str) -> tuple[str, ...]:
        """Return the addresses of *host*, IPv6 first, at most eight; empty if it has none.

        Raises:
            PeerUnreachable: As above.
        """
        found: list[str] = []
        for kind in (dns.rdatatype.AAAA, dns.rdatatype.A):
            answer = (await self._ask(host, kind)).resolve_chaining().answer
            found += [record.to_text() for record in answer or ()]
        return tuple(found[:_ADDRESSES_MAX])

    async def _ask(self, name: str, kind: dns.rdatatype.RdataType) -> dns.message.QueryMessage:
        question = dns.name.from_text(name + ".")
        try:
            answer = await self._stub.resolve(
                question, kind, raise_on_no_answer=False, lifetime=self._lifetime, search=False
            )
            response = answer.response
        except dns.resolver.NXDOMAIN as error:
            response = error.response(question)  # type: ignore[no-untyped-call]  # of dnspython
        except dns.exception.DNSException as error:
            raise PeerUnreachable(f"DNS gave no usable answer about {name}") from error
        if not isinstance(response, dns.message.QueryMessage):
            raise PeerUnreachable(f"DNS gave no usable answer about {name}")
        return response


def _stub(settings: ResolverSettings) -> dns.asyncresolver.Resolver:
    if settings.nameserver:
        stub = dns.asyncresolver.Resolver(configure=False)
        stub.nameservers = [settings.nameserver]
    else:
        try:
            stub = dns.asyncresolver.Resolver()
        except dns.resolver.NoResolverConfiguration:
            # a machine without resolv.conf: every question ends as PeerUnreachable
            stub = dns.asyncresolver.Resolver(configure=False)
    stub.port = settings.port
    stub.timeout = settings.timeout_seconds
    stub.cache = None
    stub.flags = dns.flags.RD | dns.flags.AD
    stub.use_edns(0, dns.flags.DO, _EDNS_PAYLOAD)
    return stub


def _clamp(ttl: int, most: float) -> float:
    return min(max(float(ttl), TTL_SECONDS_MIN), most)


def _is_loopback(text: str) -> bool:
    try:
        return ip_address(text).is_loopback
    except ValueError:
        return False
