"""Questions to a real DNS: what is there, what is not, what can not be known, and what is kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mx_core.resolver.settings import ResolverSettings
from smtp_in.door.judging.names import NamesUnavailable, ResolvedNames
from tests.support.dns import Dns, dns_servers, txt_line

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def dns() -> Iterator[Dns]:
    with dns_servers(plain=["a.test"]) as servers:
        servers.publish(
            "a.test",
            [
                txt_line("@", "v=spf1 " + "x" * 400),
                txt_line("big", "y" * 9_000),
                "mx1 300 A 192.0.2.1",
                "mx1 300 AAAA 2001:db8::1",
                "@ 300 MX 20 mx2",
                "@ 300 MX 10 MX1",
            ],
        )
        yield servers


def names(dns: Dns) -> ResolvedNames:
    return ResolvedNames(ResolverSettings("127.0.0.1", dns.port))


async def test_records_are_found_and_strings_joined(dns: Dns) -> None:
    asked = names(dns)

    assert await asked.texts("a.test") == [b"v=spf1 " + b"x" * 400]
    assert await asked.exchangers("A.test") == ["mx1.a.test", "mx2.a.test"]
    assert await asked.addresses("mx1.a.test", v6=False) == ["192.0.2.1"]
    assert await asked.addresses("mx1.a.test", v6=True) == ["2001:db8::1"]


@pytest.mark.parametrize(
    "name", ["none.a.test", "mx1.a.test", "a..test", "x" * 70 + ".test", "\u00e9.test", ""]
)
async def test_what_is_not_there_is_nothing(dns: Dns, name: str) -> None:
    assert await names(dns).texts(name) == []


async def test_what_is_too_large_is_not_looked_at(dns: Dns) -> None:
    assert await names(dns).texts("big.a.test") == []


async def test_an_answer_is_kept_and_no_answer_is_told_from_none(dns: Dns) -> None:
    asked = names(dns)
    first = await asked.texts("a.test")
    silent = ResolverSettings("127.0.0.1", dns.port, timeout_seconds=0.1, lifetime_seconds=0.2)
    dns.stop_resolver()
    try:
        again = await asked.texts("A.TEST")
        with pytest.raises(NamesUnavailable):
            await ResolvedNames(silent).texts("a.test")
    finally:
        dns.start_resolver()

    assert again == first
