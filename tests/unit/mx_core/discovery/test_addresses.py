"""The table of addresses that a stranger's name may lead to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.discovery.addresses import is_allowed

PUBLIC = [
    "1.1.1.1",
    "192.0.1.1",
    "172.32.0.1",
    "100.128.0.1",
    "223.255.255.255",
    "2606:4700::1111",
    "2a01:4f8::1",
    "64:ff9b::101:101",  # NAT64 of 1.1.1.1: how a host without IPv4 reaches the world
    "::ffff:1.1.1.1",
    "2002:101:101::1",  # 6to4 of 1.1.1.1
]
DENIED = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.255",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",  # v4-compatible
    "::1.1.1.1",  # outside what is assigned, whatever is inside
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",  # v4-translated
    "64:ff9b::7f00:1",  # NAT64 of 127.0.0.1
    "64:ff9b::a00:1",
    "64:ff9b:1::1",  # NAT64 for local use, RFC 8215
    "64:ff9b:1::7f00:1",
    "100::1",  # discard
    "2001::1",  # Teredo with server 0.0.0.0
    "2001:0:4136:e378:8000:63bf:807f:fffe",  # Teredo, client 127.128.0.1
    "2001:0:7f00:1::1",  # Teredo, server 127.0.0.1
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::1",  # 6to4 of 127.0.0.1
    "2002:c0a8:101::1",  # 6to4 of 192.168.1.1
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "2606:4700::1111%eth0",
    "4000::1",
    "",
    "localhost",
    "127.1",
    "0x7f.0.0.1",
    "2130706433",
    "127.0.0.01",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert is_allowed(address)


@pytest.mark.parametrize("address", DENIED)
def test_a_special_address_is_denied_however_it_is_wrapped(address: str) -> None:
    assert not is_allowed(address)


@given(st.ip_addresses(v=4))
def test_an_address_and_its_wrapped_forms_are_judged_alike(address: object) -> None:
    number = int(address)  # type: ignore[call-overload]  # an IPv4Address
    high, low = number >> 16, number & 0xFFFF
    verdict = is_allowed(str(address))

    assert is_allowed(f"::ffff:{address}") == verdict
    assert is_allowed(f"64:ff9b::{high:x}:{low:x}") == verdict
    assert is_allowed(f"2002:{high:x}:{low:x}::1") == verdict
    assert not is_allowed(f"64:ff9b:1::{high:x}:{low:x}")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.1", "fd00::1", "1.1.1.1"])
def test_private_ranges_are_allowed_by_the_setting_for_tests(address: str) -> None:
    assert is_allowed(address, allow_private=True)


@pytest.mark.parametrize(
    "address", ["0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff02::1", "::ffff:224.0.0.1", "x"]
)
def test_what_is_no_host_is_denied_even_then(address: str) -> None:
    assert not is_allowed(address, allow_private=True)
