"""``check_host()`` by its expectations: RFC 7208, section by section."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from smtp_in.door.judging.spf import check_host, peer_of
from tests.support.door_names import AWAY, TableNames, Zone

pytestmark = pytest.mark.anyio

PEER, PEER6 = "192.0.2.3", "2001:db8::3"
MANY = " ".join(f"a:h{n}.c.example" for n in range(11))


async def judged(
    record: str | Sequence[str],
    more: Zone | None = None,
    *,
    peer: str = PEER,
    sender: str = "carol@c.example",
    helo: str = "mail.c.example",
) -> str:
    records = [record] if isinstance(record, str) else record
    names = TableNames({"TXT c.example": records, **(more or {})})
    return await check_host(names, peer_of(peer), sender, helo)


ADDRESSES: Zone = {
    "A c.example": [PEER],
    "AAAA c.example": [PEER6],
    "A near.c.example": ["192.0.2.99"],
    "MX c.example": ["mx1.c.example", "mx2.c.example"],
    "A mx1.c.example": ["198.51.100.1"],
    "A mx2.c.example": [PEER],
    "PTR 192.0.2.3": ["liar.evil.example", "out.c.example"],
    "A out.c.example": [PEER],
    "A 3.2.0.192.carol.c.example": ["127.0.0.2"],
    "TXT in.c.example": ["v=spf1 ip4:192.0.2.0/24 -all"],
    "TXT no.c.example": ["v=spf1 -all"],
    "TXT maybe.c.example": ["v=spf1 ?all"],
    "TXT loop.c.example": ["v=spf1 include:loop.c.example"],
    "TXT bad.c.example": ["v=spf1 moo"],
    "TXT away.c.example": [AWAY],
}


@pytest.mark.parametrize(
    ("record", "result"),
    [
        # §4.5: which record counts
        ([], "none"),
        (["something else", "v=spf10 -all", "v=spf1x"], "none"),
        (["v=spf1 -all", "v=spf1 +all"], "permerror"),
        ("V=SPF1 -all", "fail"),
        ("v=spf1", "neutral"),
        ([AWAY], "temperror"),
        # §4.6.1: the whole record is read before any of it counts
        ("v=spf1 +all moo", "permerror"),
        ("v=spf1 all:c.example", "permerror"),
        ("v=spf1 a: -all", "permerror"),
        ("v=spf1 a:c -all", "permerror"),
        ("v=spf1 ip4:192.0.2.3/33", "permerror"),
        ("v=spf1 ip4:2001:db8::3", "permerror"),
        ("v=spf1 ip6:192.0.2.3", "permerror"),
        ("v=spf1 ip4:192.0.2.3/024 -all", "permerror"),
        ("v=spf1 a/33", "permerror"),
        ("v=spf1 ptr/24", "permerror"),
        ("v=spf1 include -all", "permerror"),
        ("v=spf1 redirect=no.c.example redirect=no.c.example", "permerror"),
        ("v=spf1 -all\x80", "permerror"),
        ("v=spf1 a:%{x}.c.example", "permerror"),
        ("v=spf1 a:%{d0}.c.example", "permerror"),
        ("v=spf1 moo=%{s}%% -all", "fail"),
        # §4.6.2 and §5.1: the first that matches
        ("v=spf1 +all", "pass"),
        ("v=spf1 -all", "fail"),
        ("v=spf1 ~all", "softfail"),
        ("v=spf1 ?all", "neutral"),
        ("v=spf1   ?ip4:192.0.2.3  -all ", "neutral"),
        # §5.2
        ("v=spf1 include:in.c.example -all", "pass"),
        ("v=spf1 -include:in.c.example +all", "fail"),
        ("v=spf1 include:no.c.example ~all", "softfail"),
        ("v=spf1 include:maybe.c.example ~all", "softfail"),
        ("v=spf1 include:nothing.c.example ~all", "permerror"),
        ("v=spf1 include:bad.c.example ~all", "permerror"),
        ("v=spf1 include:away.c.example ~all", "temperror"),
        ("v=spf1 include:loop.c.example ~all", "permerror"),
        # §5.3 to §5.7
        ("v=spf1 a -all", "pass"),
        ("v=spf1 a:near.c.example -all", "fail"),
        ("v=spf1 a:near.c.example/24 -all", "pass"),
        ("v=spf1 mx -all", "pass"),
        ("v=spf1 mx:near.c.example -all", "fail"),
        ("v=spf1 ptr -all", "pass"),
        ("v=spf1 ptr:evil.example -all", "fail"),
        ("v=spf1 ip4:192.0.2.0/24 -all", "pass"),
        ("v=spf1 ip6:2001:db8::/32 -all", "fail"),
        ("v=spf1 exists:%{ir}.%{l}.%{d} -all", "pass"),
        ("v=spf1 exists:%{ir}.%{l1r+}.x.%{d} -all", "fail"),
        # §6.1
        ("v=spf1 redirect=in.c.example", "pass"),
        ("v=spf1 redirect=no.c.example", "fail"),
        ("v=spf1 redirect=nothing.c.example", "permerror"),
        ("v=spf1 ?all redirect=no.c.example", "neutral"),
        # §4.6.4
        (f"v=spf1 {MANY} -all", "permerror"),
        ("v=spf1 a:x1.example a:x2.example -all", "fail"),
        ("v=spf1 a:x1.example a:x2.example a:x3.example -all", "permerror"),
    ],
)
async def test_a_record_says(record: str | list[str], result: str) -> None:
    assert await judged(record, ADDRESSES) == result


@pytest.mark.parametrize(
    ("record", "result"),
    [
        ("v=spf1 a -all", "pass"),
        ("v=spf1 ip6:2001:db8::/32 -all", "pass"),
        ("v=spf1 a:near.c.example//64 -all", "fail"),
        ("v=spf1 ip4:192.0.2.0/24 -all", "fail"),
        ("v=spf1 exists:%{ir}.%{v}.c.example -all", "pass"),
    ],
)
async def test_over_ipv6_it_says(record: str, result: str) -> None:
    reverse = ".".join(reversed("20010db8" + "0" * 23 + "3"))
    zone = {**ADDRESSES, f"A {reverse}.ip6.c.example": ["127.0.0.2"]}

    assert await judged(record, zone, peer=PEER6) == result


async def test_ipv4_in_the_clothes_of_ipv6_is_ipv4() -> None:
    assert await judged("v=spf1 ip4:192.0.2.3 -all", peer="::ffff:192.0.2.3") == "pass"


@pytest.mark.parametrize(
    ("sender", "helo", "asked"),
    [
        ("carol@c.example", "x.example", "TXT c.example"),
        ("", "c.example", "TXT c.example"),  # §2.4: the null sender
        ('"a@b"@c.example', "x.example", "TXT c.example"),
    ],
)
async def test_whose_record_is_asked_for(sender: str, helo: str, asked: str) -> None:
    names = TableNames({"TXT c.example": ["v=spf1 -all"]})

    assert await check_host(names, peer_of(PEER), sender, helo) == "fail"
    assert names.asked == [asked]


@pytest.mark.parametrize("helo", ["", "localhost", "[192.0.2.3]", "a..b", f"{'x' * 64}.example"])
async def test_what_is_no_name_is_not_asked_for(helo: str) -> None:
    names = TableNames({})

    assert await check_host(names, peer_of(PEER), "", helo) == "none"
    assert len(names.asked) <= 1


async def test_more_than_ten_exchangers_spoil_the_record() -> None:
    zone = {"MX c.example": [f"m{n}.c.example" for n in range(11)]}

    assert await judged("v=spf1 mx -all", zone) == "permerror"


async def test_questions_are_bounded_whatever_a_record_says() -> None:
    hosts = [f"m{n}.c.example" for n in range(10)]
    zone = {"TXT c.example": ["v=spf1 " + "mx " * 30 + "-all"], "MX c.example": hosts}
    names = TableNames(zone)

    assert await check_host(names, peer_of(PEER), "carol@c.example", "x") == "permerror"
    assert len(names.asked) <= 1 + 10 * 11


async def test_a_name_of_the_peer_is_one_that_leads_back() -> None:
    zone = {**ADDRESSES, "A out.c.example.c.example": ["127.0.0.2"]}

    assert await judged("v=spf1 exists:%{p}.%{d} -all", zone) == "pass"
    assert await judged("v=spf1 exists:%{p}.%{d} -all", {"A unknown.c.example": ["1.1.1.1"]}) == (
        "pass"
    )
