"""Questions to one recursive resolver.  The stub validates nothing itself and keeps nothing.

AD and DO are sent when it is asked whether an answer was validated (RFC 6840 §5.7); whom to
believe that is for whoever asks.
"""

from __future__ import annotations

from typing import Final

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.resolver

from mx_core.model.errors import PeerUnreachable
from mx_core.resolver.settings import ResolverSettings

_EDNS_PAYLOAD: Final = 1_232


class Stub:
    """Asks the resolver of *settings*; the system's are read once, when the settings name none."""

    def __init__(self, settings: ResolverSettings, *, validated: bool) -> None:
        """*validated*: answers are to say whether DNSSEC held."""
        self._stub = _stub(settings)
        self._lifetime = settings.lifetime_seconds
        if validated:
            self._stub.flags = dns.flags.RD | dns.flags.AD
            self._stub.use_edns(0, dns.flags.DO, _EDNS_PAYLOAD)

    @property
    def nameservers(self) -> list[str]:
        """The addresses that are asked, in order."""
        return [str(server) for server in self._stub.nameservers]

    async def ask(
        self, name: dns.name.Name, kind: dns.rdatatype.RdataType
    ) -> dns.message.QueryMessage:
        """Return the answer about the absolute *name*: records, or that there are none.

        Raises:
            PeerUnreachable: No answer, or one that DNSSEC refuses (SERVFAIL).
        """
        try:
            answer = await self._stub.resolve(
                name, kind, raise_on_no_answer=False, lifetime=self._lifetime, search=False
            )
            response = answer.response
        except dns.resolver.NXDOMAIN as error:
            response = error.response(name)  # type: ignore[no-untyped-call]  # of dnspython
        except (dns.exception.DNSException, OSError) as error:
            raise PeerUnreachable(f"DNS gave no usable answer about {name}") from error
        if not isinstance(response, dns.message.QueryMessage):
            raise PeerUnreachable(f"DNS gave no usable answer about {name}")
        return response


def _stub(settings: ResolverSettings) -> dns.asyncresolver.Resolver:
    if settings.nameserver:
        stub = dns.asyncresolver.Resolver(configure=False)
        stub.nameservers = [settings.nameserver]
        stub.port = settings.port
    else:
        try:
            stub = dns.asyncresolver.Resolver()
        except dns.resolver.NoResolverConfiguration:
            # a machine without resolv.conf: every question ends as PeerUnreachable
            stub = dns.asyncresolver.Resolver(configure=False)
    stub.timeout = settings.timeout_seconds
    stub.cache = None
    return stub
