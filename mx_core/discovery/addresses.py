"""Which addresses a name that a stranger chose may lead us to.  Pure; an own table.

``ipaddress.is_global`` is true for NAT64, 6to4 and v4-compatible forms of 127.0.0.1 (checked), so
it is not used.  An address that carries another one inside is judged by both.
docs/spec/discovery.md §5.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

_DENIED_V4: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network, RFC 1122 §3.2.1.3
        "10.0.0.0/8",  # RFC 1918
        "100.64.0.0/10",  # carrier NAT, RFC 6598
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, RFC 3927
        "172.16.0.0/12",  # RFC 1918
        "192.0.0.0/24",  # protocol assignments, RFC 6890
        "192.0.2.0/24",  # documentation, RFC 5737
        "192.31.196.0/24",  # AS112, RFC 7535
        "192.52.193.0/24",  # AMT, RFC 7450
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "192.168.0.0/16",  # RFC 1918
        "192.175.48.0/24",  # AS112, RFC 7534
        "198.18.0.0/15",  # benchmarks, RFC 2544
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_GLOBAL_V6: Final = IPv6Network("2000::/3")  # all that is assigned for unicast, RFC 4291 §2.4
_DENIED_V6: Final = tuple(
    IPv6Network(text)
    for text in (
        "2001:1::/32",  # anycast of protocols, RFC 7723 and others
        "2001:2::/48",  # benchmarks, RFC 5180
        "2001:3::/32",  # AMT, RFC 7450
        "2001:4:112::/48",  # AS112, RFC 7535
        "2001:10::/28",  # ORCHID, RFC 4843
        "2001:20::/28",  # ORCHIDv2, RFC 7343
        "2001:30::/28",  # drone identifiers, RFC 9374
        "2001:db8::/32",  # documentation, RFC 3849
        "2620:4f:8000::/48",  # AS112, RFC 7534
        "3fff::/20",  # documentation, RFC 9637
    )
)
_NAT64: Final = IPv6Network("64:ff9b::/96")  # RFC 6052 §2.1
_NEVER: Final = (IPv4Network("0.0.0.0/8"), IPv4Network("224.0.0.0/4"), IPv4Network("240.0.0.0/4"))
_LOW_32: Final = (1 << 32) - 1


def is_allowed(text: str, *, allow_private: bool = False) -> bool:
    """Tell whether a connection to the address *text* may be opened.

    *allow_private* is a setting for tests: then only what can be no host at all is refused.
    """
    if "%" in text:  # a scoped address is link-local
        return False
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if allow_private:
        return not any(_never(one) for one in (address, *_inner(address)))
    return _is_public(address) and all(_is_public(inner) for inner in _inner(address))


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _DENIED_V4)
    if address in _NAT64 or address.ipv4_mapped is not None:
        return True  # says nothing itself: the inner address decides
    return address in _GLOBAL_V6 and not any(address in network for network in _DENIED_V6)


def _inner(address: IPv4Address | IPv6Address) -> list[IPv4Address]:
    """Return the IPv4 addresses that *address* may be turned into on its way."""
    if isinstance(address, IPv4Address):
        return []
    inner: list[IPv4Address] = []
    if address.ipv4_mapped is not None:
        inner.append(address.ipv4_mapped)
    if address.sixtofour is not None:
        inner.append(address.sixtofour)
    if address.teredo is not None:
        inner.extend(address.teredo)  # the server and the client
    if address in _NAT64 or 1 < int(address) <= _LOW_32:  # v4-compatible, RFC 4291 §2.5.5.1
        inner.append(IPv4Address(int(address) & _LOW_32))
    return inner


def _never(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return any(address in network for network in _NEVER)
    return address.is_multicast or address.is_unspecified
