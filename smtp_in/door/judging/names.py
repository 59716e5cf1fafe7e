"""Questions to the DNS as a judgement asks them: records of a name, or none, or not now.

A name that does not exist and one without such records are alike: no answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import dns.rdatatype
import dns.reversename
from dns.rdata import Rdata
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT
from typing_extensions import override

from mx_core.model.errors import PeerUnreachable
from mx_core.resolver.answers import Answers
from mx_core.resolver.settings import ResolverSettings

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


class ResolvedNames(Names):
    """``Names`` by one recursive resolver."""

    def __init__(self, settings: ResolverSettings) -> None:
        """Nothing is asked yet."""
        self._answers = Answers(settings)

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
        try:
            return await self._answers.records(name, kind)
        except PeerUnreachable as error:
            raise NamesUnavailable(str(error)) from error
