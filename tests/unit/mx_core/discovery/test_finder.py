"""The acceptance rules, end to end: knot, unbound, a hello listener and a web site, all real."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from mx_core.discovery.continuity import How
from mx_core.discovery.document import sign_roll
from mx_core.discovery.endpoint import Endpoint
from mx_core.discovery.finder import Finder
from mx_core.model.errors import BadAddress, PeerUnreachable, UnknownRecipient, Untrusted
from mx_core.tls.leaf import Leaves
from tests.support.certificates import key_of, pk_of
from tests.support.dns import Dns, dns_servers, txt_line
from tests.support.found_world import BOGUS, HOURS, PLAIN, SIGNED, Clock, CountingMemory, World
from tests.support.peer_server import Behaviour, peer_servers, signed_document
from tests.support.web_site import web_site

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def dns() -> Iterator[Dns]:
    with dns_servers(signed=[SIGNED], plain=[PLAIN], bogus=[BOGUS]) as running:
        yield running


@pytest.fixture
async def world(dns: Dns, tmp_path: Path) -> AsyncIterator[World]:
    async with (
        peer_servers(tmp_path, SIGNED, PLAIN, BOGUS) as servers,
        web_site(tmp_path, [SIGNED, PLAIN]) as web,
    ):
        clock, memory = Clock(), CountingMemory()
        finder = Finder(resolver=dns.settings(), memory=memory, web=web.settings(), now=clock)
        made = World(dns, web, {server.domain: server for server in servers}, clock, memory, finder)
        for zone in (SIGNED, PLAIN, BOGUS):
            made.publish(zone)
        yield made


async def failure_of(world: World, domain: str) -> str:
    with pytest.raises(Untrusted) as refused:
        await world.finder.find(domain)
    return refused.value.failure


# ── (a) DNSSEC ───────────────────────────────────────────────────────────────────────
async def test_a_signed_zone_is_enough_and_the_web_is_not_asked(world: World) -> None:
    found = await world.finder.find(SIGNED)

    server = world.servers[SIGNED]
    assert (found.name, found.keys, found.how) == (SIGNED, (pk_of(SIGNED),), How.DNSSEC)
    assert (found.hello, found.federation) == (server.hello, server.federation)
    assert 250 < found.expires - world.clock() <= 300
    assert world.web.names == []


async def test_a_zone_whose_signatures_do_not_hold_is_unreachable_never_unsigned(
    world: World,
) -> None:
    with pytest.raises(PeerUnreachable):
        await world.finder.find(BOGUS)

    assert world.web.names == []


async def test_dns_names_another_key_than_the_server_has(world: World) -> None:
    world.publish(SIGNED, pk_of("evil.test"))

    with pytest.raises(PeerUnreachable):
        await world.finder.find(SIGNED)


async def test_a_server_whose_document_another_key_signed_is_refused(world: World) -> None:
    world.servers[SIGNED].behaviour = Behaviour(hello_key=key_of("evil.test"))

    assert await failure_of(world, SIGNED) == "bad-signature"


# ── (b) the web agrees ───────────────────────────────────────────────────────────────
async def test_an_unsigned_zone_needs_the_same_key_on_the_web(world: World) -> None:
    world.publish_on_the_web(PLAIN)

    found = await world.finder.find(PLAIN)

    assert (found.keys, found.how) == ((pk_of(PLAIN),), How.HTTPS)
    assert found.federation == world.servers[PLAIN].federation
    assert world.web.names == [PLAIN]


async def test_a_web_site_that_names_another_key_is_no_agreement(world: World) -> None:
    world.publish_on_the_web(PLAIN, signer="evil.test")

    assert await failure_of(world, PLAIN) == "bad-signature"


async def test_without_a_web_site_an_unsigned_zone_is_not_accepted(world: World) -> None:
    world.web.says(b"", "404 Not Found")

    with pytest.raises(PeerUnreachable):
        await world.finder.find(PLAIN)


async def test_by_default_a_name_that_leads_to_loopback_is_not_fetched(world: World) -> None:
    world.publish_on_the_web(PLAIN)
    strict = Finder(
        resolver=world.dns.settings(), web=world.web.settings(allow_private=False), now=world.clock
    )

    with pytest.raises((Untrusted, PeerUnreachable)):
        await strict.find(PLAIN)

    assert world.web.names == []


# ── (c) the operator's word ──────────────────────────────────────────────────────────
async def test_a_static_peer_needs_neither_dns_nor_web(world: World, tmp_path: Path) -> None:
    world.dns.publish(PLAIN, [])
    finder = Finder(resolver=world.dns.settings(), peers=tmp_path / "peers.toml")

    found = await finder.find(PLAIN)

    assert (found.keys, found.how) == ((pk_of(PLAIN),), How.STATIC)
    assert world.web.names == []


# ── absence ──────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("name", ["nobody." + SIGNED, "nobody." + PLAIN])
async def test_a_name_that_does_not_exist_is_not_on_the_network_and_asked_for_once(
    world: World, name: str
) -> None:
    for _ in range(3):
        with pytest.raises(UnknownRecipient, match="not on the network"):
            await world.finder.find(name)
    assert world.memory.searches == 1

    world.clock.ahead = 61.0
    with pytest.raises(UnknownRecipient):
        await world.finder.find(name)
    assert world.memory.searches == 2


async def test_a_domain_with_other_records_only_is_not_on_the_network(world: World) -> None:
    world.dns.publish(SIGNED, [txt_line("_mailx", "v=spf1 -all")])

    with pytest.raises(UnknownRecipient):
        await world.finder.find(SIGNED)


async def test_a_domain_that_was_on_the_network_and_vanishes_raises_an_alarm(
    world: World,
) -> None:
    await world.finder.find(SIGNED)
    world.dns.publish(SIGNED, [])
    world.clock.ahead = 301.0

    assert await failure_of(world, SIGNED) == "domain-absent"


async def test_a_record_with_a_mistake_is_waited_for(world: World) -> None:
    world.dns.publish(SIGNED, [txt_line("_mailx", "v=mailx1; k=ed25519:oops; e=https://h:1")])

    with pytest.raises(PeerUnreachable, match="cannot be used"):
        await world.finder.find(SIGNED)


async def test_what_is_no_domain_is_not_asked_for(world: World) -> None:
    with pytest.raises(BadAddress):
        await world.finder.find("no domain")


# ── continuity ───────────────────────────────────────────────────────────────────────
async def change_key(world: World, zone: str, new: str) -> None:
    server = world.servers[zone]
    await server.stop()
    server.key = key_of(new)
    server.leaf = Leaves(zone, server.key, time.time).current
    await server.start()
    world.publish(zone, pk_of(new))
    world.publish_on_the_web(zone, signer=new)


async def test_a_changed_key_without_dnssec_is_refused(world: World) -> None:
    world.publish_on_the_web(PLAIN)
    await world.finder.find(PLAIN)
    await change_key(world, PLAIN, "new.test")
    world.clock.ahead = 301.0

    assert await failure_of(world, PLAIN) == "domain-key"
    assert world.finder.known(PLAIN) is None


async def test_a_changed_key_with_dnssec_waits_three_days(world: World) -> None:
    await world.finder.find(SIGNED)
    await change_key(world, SIGNED, "new.test")
    world.clock.ahead = 301.0
    assert await failure_of(world, SIGNED) == "domain-key-held"

    world.clock.ahead = 301.0 + 60.0
    assert await failure_of(world, SIGNED) == "domain-key-held"


async def test_a_changed_key_that_the_old_one_signed_for_is_used_at_once(world: World) -> None:
    world.publish_on_the_web(PLAIN)
    await world.finder.find(PLAIN)
    server = world.servers[PLAIN]
    world.publish(PLAIN, pk_of("new.test"))
    world.web.publishes(
        signed_document(
            PLAIN,
            key_of("new.test"),
            hello=server.hello,
            rolls=(sign_roll(PLAIN, key_of(PLAIN), pk_of("new.test")),),
        )
    )
    world.clock.ahead = 301.0

    assert (await world.finder.find(PLAIN)).keys == (pk_of("new.test"),)


async def test_a_key_that_must_wait_cannot_sign_the_document_meanwhile(world: World) -> None:
    """DNS shows old and new; the web shows a document by the new one that lists both."""
    world.publish_on_the_web(PLAIN)
    await world.finder.find(PLAIN)
    world.publish(PLAIN, pk_of(PLAIN), pk_of("new.test"))
    world.web.publishes(
        signed_document(
            PLAIN,
            key_of("new.test"),
            hello=Endpoint("127.0.0.1", 9),
            more_keys=(pk_of(PLAIN),),
        )
    )
    world.clock.ahead = 301.0

    assert await failure_of(world, PLAIN) == "bad-signature"


async def test_known_keys_are_used_on_while_the_web_site_is_away(world: World) -> None:
    world.publish_on_the_web(PLAIN)
    await world.finder.find(PLAIN)
    world.web.says(b"", "503 Service Unavailable")
    world.clock.ahead = 301.0

    found = await world.finder.find(PLAIN)

    assert found.federation == world.servers[PLAIN].federation
    assert found.expires > world.clock()


# ── the cache ────────────────────────────────────────────────────────────────────────
async def test_many_who_ask_at_once_cause_one_search(world: World) -> None:
    found = await asyncio.gather(*(world.finder.find(SIGNED) for _ in range(20)))

    assert len({id(domain) for domain in found}) == 1
    assert world.memory.searches == 1


async def test_an_answer_lives_as_long_as_dns_says_but_a_minute_at_least(world: World) -> None:
    world.publish(SIGNED, ttl=5)
    first = await world.finder.find(SIGNED)
    world.clock.ahead = 50.0
    assert await world.finder.find(SIGNED) is first

    world.clock.ahead = 61.0
    assert await world.finder.find(SIGNED) is not first


async def test_the_last_good_answer_serves_for_a_day_when_nobody_answers(world: World) -> None:
    found = await world.finder.find(SIGNED)
    await world.servers[SIGNED].stop()

    world.clock.ahead = 23 * HOURS
    assert await world.finder.find(SIGNED) is found

    world.clock.ahead = 25 * HOURS
    with pytest.raises(PeerUnreachable):
        await world.finder.find(SIGNED)


async def test_while_the_last_good_answer_serves_callers_do_not_wait_for_a_search_each(
    world: World,
) -> None:
    found = await world.finder.find(SIGNED)
    await world.servers[SIGNED].stop()
    world.clock.ahead = 301.0
    assert await world.finder.find(SIGNED) is found
    await world.servers[SIGNED].start()

    assert await world.finder.find(SIGNED) is found
    world.clock.ahead = 332.0
    assert await world.finder.find(SIGNED) is not found


async def test_no_resolver_is_no_absence(world: World) -> None:
    world.dns.stop_resolver()
    try:
        with pytest.raises(PeerUnreachable):
            await Finder(
                resolver=replace(world.dns.settings(), timeout_seconds=0.2, lifetime_seconds=0.3)
            ).find(SIGNED)
    finally:
        world.dns.start_resolver()


async def test_a_doubted_answer_is_looked_up_again(world: World) -> None:
    first = await world.finder.find(SIGNED)
    world.finder.doubt(SIGNED)
    world.finder.doubt("never.test")

    assert await world.finder.find(SIGNED) is not first


async def test_a_failure_is_remembered_for_a_moment(world: World) -> None:
    await world.servers[SIGNED].stop()
    for _ in range(3):
        with pytest.raises(PeerUnreachable):
            await world.finder.find(SIGNED)
    await world.servers[SIGNED].start()
    with pytest.raises(PeerUnreachable):
        await world.finder.find(SIGNED)

    world.clock.ahead = 6.0
    await world.finder.find(SIGNED)


async def test_a_search_that_takes_too_long_ends(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mx_core.discovery.finder._SEARCH_SECONDS", 0.2)
    world.web.answer = None
    started = time.monotonic()

    with pytest.raises(PeerUnreachable, match="in time"):
        await world.finder.find(PLAIN)

    assert time.monotonic() - started < 3


async def test_the_cache_is_bounded(world: World, tmp_path: Path) -> None:
    finder = Finder(
        resolver=world.dns.settings(), peers=tmp_path / "peers.toml", cached_domains_max=1
    )
    for zone in (SIGNED, PLAIN):
        await finder.find(zone)
    for name in ("x." + SIGNED, "y." + SIGNED):
        with pytest.raises(UnknownRecipient):
            await finder.find(name)

    assert (finder.known(SIGNED), len(finder._failed)) == (None, 1)
    assert finder.known(PLAIN) is not None
