"""Questions to the DNS as a judgement asks them: records of a name, or none, or not now.

A name that does not exist and one without such records are alike: no answers.  Answers are kept
for as long as the DNS says, and bounded in number and size.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
import dns.reversename
from dns.rdata import Rdata
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT
from typing_extensions import override

_ANSWERS_KEPT: Final = 20_000
_KEPT_SECONDS_MAX: Final = 3_600.0
_ABSENT_SECONDS: Final = 60.0
_FAILED_SECONDS: Final = 5.0  # or every message would wait for a resolver that is away
_RECORDS_MAX: Final = 64
_TXT_OCTETS_MAX: Final = 8 * 1024


class NamesUnavailable(Exception):
    """No answer, or one that says that there may be another later."""


class Names(Protocol):
    """Whom the judgements ask; names are A-labels without a final dot."""

    async def texts(self, name: str) -> list[bytes]:
        """Return TXT records, the strings of each joined; raises NamesUnavailable."""

    async def addresses(self, name: str, *, v6: bool) -> list[str]:
        """Return A records, or AAAA ones; raises NamesUnavailable."""

    async def exchangers(self, name: str) -> list[str]:
        """Return the hosts of MX records, the preferred ones first; raises NamesUnavailable."""

    async def names_of(self, address: str) -> list[str]:
        """Return the PTR records of an IP address; raises NamesUnavailable."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer; *records* is None if there was none that could be used."""

    records: tuple[Rdata, ...] | None
    until: float  # monotonic


class ResolvedNames(Names):
    """``Names`` by one recursive resolver."""

    def __init__(self, nameserver: str, port: int, lifetime_seconds: float) -> None:
        """An empty *nameserver* means the system's."""
        self._stub = dns.asyncresolver.Resolver(configure=not nameserver)
        if nameserver:
            self._stub.nameservers = [nameserver]
            self._stub.port = port
        self._stub.lifetime = lifetime_seconds
        self._stub.timeout = lifetime_seconds / 2
        self._kept: OrderedDict[tuple[str, int], _Kept] = OrderedDict()

    @override
    async def texts(self, name: str) -> list[bytes]:
        """See ``Names``."""
        joined = [
            b"".join(record.strings)
            for record in await self._ask(name, dns.rdatatype.TXT)
            if isinstance(record, TXT)
        ]
        return [text for text in joined if len(text) <= _TXT_OCTETS_MAX]

    @override
    async def addresses(self, name: str, *, v6: bool) -> list[str]:
        """See ``Names``."""
        kind = dns.rdatatype.AAAA if v6 else dns.rdatatype.A
        return [record.to_text() for record in await self._ask(name, kind)]

    @override
    async def exchangers(self, name: str) -> list[str]:
        """See ``Names``."""
        found = await self._ask(name, dns.rdatatype.MX)
        ranked = [(each.preference, each.exchange) for each in found if isinstance(each, MX)]
        ranked.sort(key=lambda one: one[0])
        return [host.to_text(omit_final_dot=True).lower() for _, host in ranked]

    @override
    async def names_of(self, address: str) -> list[str]:
        """See ``Names``."""
        name = dns.reversename.from_address(address).to_text(omit_final_dot=True)
        found = await self._ask(name, dns.rdatatype.PTR)
        return [record.to_text().removesuffix(".").lower() for record in found]

    async def _ask(self, name: str, kind: dns.rdatatype.RdataType) -> Sequence[Rdata]:
        key, now = (name.lower(), int(kind)), time.monotonic()
        kept = self._kept.pop(key, None)
        if kept is None or kept.until <= now:
            kept = await self._answer(name, kind)
        self._kept[key] = kept
        if len(self._kept) > _ANSWERS_KEPT:
            self._kept.popitem(last=False)
        if kept.records is None:
            raise NamesUnavailable("DNS gave no usable answer")
        return kept.records

    async def _answer(self, name: str, kind: dns.rdatatype.RdataType) -> _Kept:
        try:
            # label by label: in a text a backslash would mean something
            question = dns.name.Name([*name.encode("ascii").split(b"."), b""])
        except (dns.exception.DNSException, UnicodeError):
            return _Kept((), time.monotonic() + _ABSENT_SECONDS)  # no name can be spelt so
        try:
            answer = await self._stub.resolve(question, kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return _Kept((), time.monotonic() + _ABSENT_SECONDS)
        except (dns.exception.DNSException, OSError):
            return _Kept(None, time.monotonic() + _FAILED_SECONDS)
        seconds = min(max(answer.expiration - time.time(), 1.0), _KEPT_SECONDS_MAX)
        return _Kept(tuple(answer)[:_RECORDS_MAX], time.monotonic() + seconds)
