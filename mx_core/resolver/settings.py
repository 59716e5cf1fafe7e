"""Which recursive resolver is asked, and the text that names it in a configuration file.  Pure."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final

from msgspec import Struct

from mx_core.model.errors import BadConfiguration

_PORT: Final = 53
_PORT_MAX: Final = 65_535


class ResolverSettings(Struct, frozen=True):
    """Which resolver to ask; an empty *nameserver* means the system's."""

    nameserver: str = ""  # an address, not a name
    port: int = _PORT
    timeout_seconds: float = 2.0  # for one question on the wire
    lifetime_seconds: float = 5.0  # for all repetitions together


def parse_nameserver(text: str, key: str) -> ResolverSettings:
    """Return the resolver that *text*, the value of the setting *key*, names.

    Empty: the system's.  ``192.0.2.1``, ``2001:db8::1``: on port 53.  ``192.0.2.1:5353`` and
    ``[2001:db8::1]:5353``: on that one.

    Raises:
        BadConfiguration: It is none of these.
    """
    if not text:
        return ResolverSettings()
    if _is_address(text):
        return ResolverSettings(nameserver=text)
    host, _, port = text.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if _is_address(host) and port.isascii() and port.isdigit() and 0 < int(port) <= _PORT_MAX:
        return ResolverSettings(nameserver=host, port=int(port))
    raise BadConfiguration(f"{key} is an address, or an address:port; {text!r} is neither")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
