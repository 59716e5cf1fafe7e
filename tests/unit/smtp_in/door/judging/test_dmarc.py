"""DMARC by its expectations: alignment, policy, and the walk up the tree."""

from __future__ import annotations

import pytest

from mx_core.mime.header import split_fields
from smtp_in.door.judging.dmarc import Dmarc, author_domain, judge_dmarc
from tests.support.door_names import AWAY, TableNames, Zone

pytestmark = pytest.mark.anyio

REJECT: Zone = {"TXT _dmarc.c.example": ["v=DMARC1; p=reject"]}
NONE = ("c.example", "none")


async def judged(
    zone: Zone,
    author: str | None = "c.example",
    spf: tuple[str, str] = NONE,
    dkim: tuple[tuple[str, str], ...] = (),
) -> Dmarc:
    return await judge_dmarc(TableNames(zone), author, spf, dkim)


@pytest.mark.parametrize(
    ("spf", "dkim", "result"),
    [
        (NONE, (), "fail"),
        (("c.example", "pass"), (), "pass"),
        (("c.example", "softfail"), (), "fail"),
        (("x.c.example", "pass"), (), "pass"),
        (("C.EXAMPLE", "pass"), (), "pass"),
        (("d.example", "pass"), (), "fail"),
        (("cc.example", "pass"), (), "fail"),
        (("example", "pass"), (), "fail"),
        (("c.test", "pass"), (), "fail"),
        (NONE, (("c.example", "pass"),), "pass"),
        (NONE, (("c.example", "fail"),), "fail"),
        (NONE, (("c.example", "policy"),), "fail"),
        (NONE, (("d.example", "pass"), ("m.c.example", "pass")), "pass"),
        (("d.example", "pass"), (("d.example", "pass"),), "fail"),
        (("c.example", "temperror"), (), "temperror"),
        (("d.example", "temperror"), (), "fail"),
        (("c.example", "temperror"), (("c.example", "pass"),), "pass"),
        (NONE, (("c.example", "temperror"),), "temperror"),
    ],
)
async def test_what_passed_must_belong_to_the_author(
    spf: tuple[str, str], dkim: tuple[tuple[str, str], ...], result: str
) -> None:
    assert (await judged(REJECT, spf=spf, dkim=dkim)).result == result


@pytest.mark.parametrize(
    ("record", "author", "policy"),
    [
        ("v=DMARC1; p=reject", "c.example", "reject"),
        ("v=DMARC1;p=quarantine;", "c.example", "quarantine"),
        ("v=DMARC1; p=none", "c.example", "none"),
        ("v=DMARC1; P=reject", "c.example", None),  # names of tags have their case
        ("v=DMARC1; p=REJECT", "c.example", "reject"),
        ("v=DMARC1; p=reject; sp=none", "c.example", "reject"),
        ("v=DMARC1; p=reject; sp=none", "x.c.example", "none"),
        ("v=DMARC1; p=none; sp=reject", "a.b.c.example", "reject"),
        ("v=DMARC1; p=reject", "x.c.example", "reject"),
        ("v=DMARC1; p=reject; t=y", "c.example", "quarantine"),
        ("v=DMARC1; p=quarantine; t=y", "c.example", "none"),
        ("v=DMARC1; p=moo; rua=mailto:x@c.example", "c.example", "none"),
        ("v=DMARC1; rua=mailto:x@c.example", "c.example", "none"),
        ("v=DMARC1; p=moo", "c.example", None),
        ("v=DMARC1", "c.example", None),
        ("v=DMARC12; p=reject", "c.example", None),
        ("v=dmarc1; p=reject", "c.example", None),
        ("p=reject; v=DMARC1", "c.example", None),
        ("v=DMARC1; p=reject; p=none", "c.example", None),
    ],
)
async def test_a_record_asks_for(record: str, author: str, policy: str | None) -> None:
    found = await judged({"TXT _dmarc.c.example": [record]}, author)

    assert found == (Dmarc("none") if policy is None else Dmarc("fail", policy))


async def test_two_records_are_none() -> None:
    two = {"TXT _dmarc.c.example": ["v=DMARC1; p=reject", "v=DMARC1; p=none"]}

    assert await judged(two) == Dmarc("none")


@pytest.mark.parametrize(
    ("modes", "domain", "result"),
    [
        ("adkim=s", "c.example", "pass"),
        ("adkim=s", "x.c.example", "fail"),
        ("adkim=r", "x.c.example", "pass"),
        ("aspf=s", "x.c.example", "pass"),
    ],
)
async def test_a_strict_record_wants_the_same_name(modes: str, domain: str, result: str) -> None:
    zone = {"TXT _dmarc.c.example": [f"v=DMARC1; p=reject; {modes}"]}

    assert (await judged(zone, dkim=((domain, "pass"),))).result == result


async def test_two_organizations_under_one_suffix_are_two() -> None:
    """A registry says psd=y: what is beneath it belongs to different people."""
    zone = {
        "TXT _dmarc.co.example": ["v=DMARC1; p=none; psd=y"],
        "TXT _dmarc.a.co.example": ["v=DMARC1; p=reject"],
    }

    assert (await judged(zone, "a.co.example", ("b.co.example", "pass"))).result == "fail"
    assert (await judged(zone, "a.co.example", ("m.a.co.example", "pass"))).result == "pass"
    # without a record of its own the registry's counts
    assert await judged(zone, "b.co.example", ("a.co.example", "pass")) == Dmarc("fail", "none")


async def test_a_name_that_says_psd_n_is_an_organization_of_its_own() -> None:
    zone = {
        "TXT _dmarc.c.example": ["v=DMARC1; p=none"],
        "TXT _dmarc.own.c.example": ["v=DMARC1; p=reject; psd=n"],
    }

    assert (await judged(zone, "own.c.example", ("c.example", "pass"))).result == "fail"
    assert (await judged(zone, "own.c.example", ("x.own.c.example", "pass"))).result == "pass"


async def test_a_long_name_costs_eight_questions() -> None:
    names = TableNames(REJECT)
    author = ".".join(str(n) for n in range(40)) + ".c.example"
    await judge_dmarc(names, author, NONE, ())

    assert len(names.asked) == 8
    assert names.asked[0] == f"TXT _dmarc.{author}"
    assert names.asked[-1] == "TXT _dmarc.example"


async def test_no_answer_is_no_verdict() -> None:
    assert await judged({"TXT _dmarc.c.example": [AWAY]}) == Dmarc("temperror")
    assert await judged({"TXT _dmarc.example": [AWAY]}) == Dmarc("temperror")


async def test_a_registry_that_does_not_answer_spoils_no_verdict() -> None:
    zone = {**REJECT, "TXT _dmarc.example": [AWAY]}

    assert await judged(zone) == Dmarc("fail", "reject")


@pytest.mark.parametrize(
    ("header", "domain"),
    [
        (b"From: carol@c.example\r\n", "c.example"),
        (b"from: Carol <CAROL@C.Example>\r\n", "c.example"),
        (b'From: "evil@evil.example" <carol@c.example>\r\n', "c.example"),
        ("From: carol@bücher.example\r\n".encode(), "xn--bcher-kva.example"),
        (b"From: carol@c.example, dave@d.example\r\n", None),
        (b"From: carol@c.example\r\nFrom: dave@d.example\r\n", None),
        (b"From: carol\r\n", None),
        (b"From:\r\n", None),
        (b"From: friends:;\r\n", None),
        (b"From: carol@[192.0.2.3]\r\n", None),
        (b"Sender: carol@c.example\r\n", None),
        (b"From: carol@\xff.example\r\n", None),
    ],
)
async def test_the_author_is_one_who_alone_is_named(header: bytes, domain: str | None) -> None:
    message = header + b"Subject: x\r\n\r\nhello\r\n"
    found = author_domain(message, split_fields(message, 0, len(message)))

    assert found == domain
    assert (await judged(REJECT, None)).result == "permerror"
