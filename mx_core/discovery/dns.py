"""What discovery asks of one validating resolver, and when its word on DNSSEC counts.

The AD bit counts only from a resolver that the operator named, or from loopback (RFC 6840 §5.8):
anything between us and another resolver could set it.
Negative answers live min(SOA TTL, MINIMUM) (RFC 2308 §5); all times are clamped.
The room of dnspython, which is loaded with the first question (``questions``).  docs/spec/discovery.md §2.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

import dns.flags
import dns.message
import dns.name
import dns.rdatatype
from dns.rdtypes.ANY.TXT import TXT

from mx_core.discovery.questions import Absent, Found
from mx_core.discovery.txt import OWNER_LABEL
from mx_core.resolver.settings import ResolverSettings
from mx_core.resolver.stub import Stub

TTL_SECONDS_MIN: Final = 60.0
TTL_SECONDS_MAX: Final = 86_400.0
NEGATIVE_SECONDS_MAX: Final = 600.0
_ADDRESSES_MAX: Final = 8


class Resolver:
    """What discovery asks of one recursive resolver; keeps no answers."""

    def __init__(self, settings: ResolverSettings) -> None:
        """Nothing is asked yet."""
        self._stub = Stub(settings, validated=True)
        self._may_validate = bool(settings.nameserver) or all(
            _is_loopback(server) for server in self._stub.nameservers
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
        return await self._stub.ask(dns.name.from_text(name + "."), kind)


def _clamp(ttl: int, most: float) -> float:
    return min(max(float(ttl), TTL_SECONDS_MIN), most)


def _is_loopback(text: str) -> bool:
    try:
        return ip_address(text).is_loopback
    except ValueError:
        return False
