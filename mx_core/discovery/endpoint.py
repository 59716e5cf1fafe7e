"""Where a listener is: a host and a port, and the text forms of both.  Pure."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Final, NamedTuple

from typing_extensions import override

from mx_core.model.address import canonical_domain
from mx_core.model.errors import BadAddress, Untrusted

_HOST_OCTETS_MAX: Final = 253
_PORT_MAX: Final = 65_535
_V4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_TEXT = re.compile(
    r"(?:\[(?P<v6>[0-9a-f.]*:[0-9a-f:.]*)\]|(?P<host>[^:\[\]]+)):(?P<port>[0-9]{1,5})"
)


class Endpoint(NamedTuple):
    """A host (domain name in A-labels, or an address literal) and a TCP port."""

    host: str
    port: int

    @override
    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def endpoint(host: object, port: object) -> Endpoint:
    """Return the endpoint if both parts are well formed.

    Raises:
        Untrusted: ``format``.
    """
    if (
        isinstance(host, str)
        and isinstance(port, int)
        and not isinstance(port, bool)
        and len(host) <= _HOST_OCTETS_MAX
        and 1 <= port <= _PORT_MAX
        and _is_host(host)
    ):
        return Endpoint(host, port)
    raise Untrusted("format", "an endpoint that is no host and port")


def parse_endpoint(text: str) -> Endpoint:
    """Return the endpoint that ``host:port`` or ``[v6]:port`` spells.

    Raises:
        Untrusted: ``format``.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise Untrusted("format", f"{text!r} is not host:port")
    return endpoint(match["v6"] or match["host"], int(match["port"]))


def _is_host(host: str) -> bool:
    if ":" in host or _V4.fullmatch(host):
        try:
            return "%" not in host and str(ip_address(host)) == host
        except ValueError:
            return False
    try:
        return canonical_domain(host) == host
    except BadAddress:
        return False
