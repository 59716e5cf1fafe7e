"""One validating resolver, asked for real."""

from __future__ import annotations

from collections.abc import Iterator

import dns.resolver
import pytest

from mx_core.discovery.dns import Resolver
from mx_core.discovery.questions import Absent, Found
from mx_core.model.errors import PeerUnreachable
from mx_core.resolver.settings import ResolverSettings
from tests.support.dns import Dns, dns_servers, txt_line

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def zones() -> Iterator[Dns]:
    with dns_servers(signed=["signed.test"], plain=["plain.test"], bogus=["bogus.test"]) as servers:
        for zone in ("signed.test", "plain.test", "bogus.test"):
            servers.publish(
                zone,
                [
                    txt_line("_mailx", "v=mailx1; " + "x" * 400, ttl=120),
                    "_mailx.many 5 TXT one",
                    "_mailx.many 5 TXT two",
                    r'_mailx.odd 90000 TXT "caf\195\169"',
                    "_mailx.alias 300 CNAME _mailx",
                    "host A 192.0.2.1",
                    "host AAAA 2001:db8::1",
                    "v4 A 192.0.2.2",
                ],
                negative=90,
            )
        yield servers


async def test_a_signed_zone_is_validated_and_a_plain_one_is_not(zones: Dns) -> None:
    resolver = Resolver(zones.settings())
    text = "v=mailx1; " + "x" * 400

    for zone, validated in (("signed.test", True), ("plain.test", False)):
        found = await resolver.mailx(zone)
        assert isinstance(found, Found)
        assert (found.texts, found.validated) == ((text,), validated)
        assert 100 < found.ttl <= 120


async def test_a_zone_signed_by_another_key_gives_no_answer_at_all(zones: Dns) -> None:
    with pytest.raises(PeerUnreachable):
        await Resolver(zones.settings()).mailx("bogus.test")


async def test_absence_lives_as_long_as_the_soa_says(zones: Dns) -> None:
    """RFC 2308 §5; NXDOMAIN and an existing name without TXT alike."""
    resolver = Resolver(zones.settings())

    for name, validated in (
        ("nobody.signed.test", True),
        ("nobody.plain.test", False),
        ("host.signed.test", True),
    ):
        absent = await resolver.mailx(name)
        assert isinstance(absent, Absent)
        assert absent.validated is validated
        assert 70 < absent.ttl <= 90


async def test_times_are_clamped_and_odd_strings_passed_over(zones: Dns) -> None:
    resolver = Resolver(zones.settings())
    many = await resolver.mailx("many.signed.test")
    odd = await resolver.mailx("odd.signed.test")

    assert isinstance(many, Found)
    assert (sorted(many.texts), many.ttl) == (["one", "two"], 60.0)
    assert isinstance(odd, Found)
    assert (odd.texts, odd.ttl) == ((), 86_400.0)


async def test_an_alias_is_followed_and_the_shortest_time_counts(zones: Dns) -> None:
    found = await Resolver(zones.settings()).mailx("alias.signed.test")

    assert isinstance(found, Found)
    assert (len(found.texts), found.validated) == (1, True)
    assert 100 < found.ttl <= 120


async def test_addresses_come_in_both_families_and_none_is_no_error(zones: Dns) -> None:
    resolver = Resolver(zones.settings())

    assert await resolver.addresses("host.plain.test") == ("2001:db8::1", "192.0.2.1")
    assert await resolver.addresses("v4.plain.test") == ("192.0.2.2",)
    assert await resolver.addresses("nobody.plain.test") == ()


async def test_a_resolver_that_is_silent_is_unreachable() -> None:
    silent = ResolverSettings("127.0.0.1", 9, timeout_seconds=0.2, lifetime_seconds=0.4)

    with pytest.raises(PeerUnreachable):
        await Resolver(silent).mailx("signed.test")


@pytest.mark.parametrize(
    ("servers", "believed"),
    [
        (["127.0.0.1", "::1"], True),
        (["127.0.0.1", "192.0.2.53"], False),
        (["192.0.2.53"], False),
    ],
)
def test_a_resolver_found_by_itself_is_believed_only_on_loopback(
    monkeypatch: pytest.MonkeyPatch, servers: list[str], believed: bool
) -> None:
    """RFC 6840 §5.8: anything between us and a distant resolver could set AD."""

    def system(stub: dns.resolver.BaseResolver, _: str) -> None:
        stub.nameservers = list(servers)

    monkeypatch.setattr("dns.resolver.BaseResolver.read_resolv_conf", system)

    assert Resolver(ResolverSettings())._may_validate is believed


def test_a_resolver_that_the_operator_names_is_believed() -> None:
    assert Resolver(ResolverSettings(nameserver="192.0.2.53"))._may_validate
