"""The second opinion from the web, and everything it must not be led to."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from mx_core.discovery.document import SignedDocument
from mx_core.discovery.well_known import WellKnown, parse_answer
from mx_core.model.errors import PeerUnreachable, Untrusted
from tests.support.web_site import WebSite, web_site, well_known

pytestmark = pytest.mark.anyio

SIGNED = SignedDocument(b"document", b"signature")


class Names:
    """A resolver whose answers for each name are given one after the other."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self.answers = {name.replace("_", "."): list(given) for name, given in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, name: str) -> Sequence[str]:
        self.asked.append(name)
        given = self.answers.get(name, [[]])
        return given.pop(0) if len(given) > 1 else given[0]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[WebSite]:
    async with web_site(tmp_path, ["a.test", "mailx.a.test"]) as running:
        running.publishes(SIGNED)
        yield running


async def test_the_document_of_a_domain_is_fetched_under_its_own_name(site: WebSite) -> None:
    names = Names(a_test=[["127.0.0.1"]])

    assert await WellKnown(site.settings(), names).fetch("a.test") == SIGNED
    assert site.requests == [f"GET /.well-known/mailx-server HTTP/1.1 a.test:{site.port}"]
    assert site.names == ["a.test"]


async def test_a_domain_without_a_site_may_use_the_name_mailx(site: WebSite) -> None:
    names = Names(mailx_a_test=[["127.0.0.1"]])

    assert await WellKnown(site.settings(), names).fetch("a.test") == SIGNED
    assert names.asked == ["a.test", "mailx.a.test"]
    assert site.names == ["mailx.a.test"]


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["169.254.169.254"],
        ["0.0.0.0"],
        ["10.0.0.1", "1.1.1.1"],
        ["1.1.1.1", "127.0.0.1"],
    ],
)
async def test_a_name_that_leads_inside_is_not_followed_not_even_in_part(
    site: WebSite, addresses: list[str]
) -> None:
    names = Names(a_test=[addresses], mailx_a_test=[addresses])
    with pytest.raises(Untrusted) as refused:
        await WellKnown(site.settings(allow_private=False), names).fetch("a.test")

    assert refused.value.failure == "ssrf"
    assert site.names == []


async def test_an_answer_that_changes_after_the_check_changes_nothing(site: WebSite) -> None:
    """DNS rebinding: the judged address is dialled, and the name is never resolved again."""
    names = Names(a_test=[["127.0.0.2"], ["127.0.0.1"]])
    with pytest.raises(PeerUnreachable):
        await WellKnown(site.settings(), names).fetch("a.test")

    assert names.asked == ["a.test", "mailx.a.test"]
    assert site.names == []


async def test_the_second_address_is_tried_when_the_first_does_not_answer(site: WebSite) -> None:
    names = Names(a_test=[["127.0.0.2", "127.0.0.1"]])

    assert await WellKnown(site.settings(), names).fetch("a.test") == SIGNED


async def test_a_site_with_a_certificate_for_another_name_is_not_believed(site: WebSite) -> None:
    names = Names(b_test=[["127.0.0.1"]])
    with pytest.raises(PeerUnreachable):
        await WellKnown(site.settings(), names).fetch("b.test")

    assert site.requests == []


async def test_a_redirect_is_not_followed(site: WebSite) -> None:
    site.says(b"", "302 Found", f"Location: https://a.test:{site.port}/elsewhere")
    with pytest.raises(PeerUnreachable):
        await WellKnown(site.settings(), Names(a_test=[["127.0.0.1"]])).fetch("a.test")

    assert len(site.requests) == 1


async def test_a_proxy_of_the_environment_is_not_used(
    site: WebSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    names = Names(a_test=[["127.0.0.1"]])
    assert await WellKnown(site.settings(), names).fetch("a.test") == SIGNED


BAD: dict[str, tuple[Callable[[WebSite], object], type[Exception]]] = {
    "more than 64 KiB": (lambda site: site.says(b" " * 65_537), Untrusted),
    "endless": (
        lambda site: setattr(
            site,
            "answer",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"8000\r\n" + b" " * 0x8000 + b"\r\n"
            + b"8001\r\n" + b" " * 0x8001 + b"\r\n",
        ),
        Untrusted,
    ),
    "compressed": (
        lambda site: site.says(well_known(SIGNED), "200 OK", "Content-Encoding: gzip"),
        Untrusted,
    ),
    "absent": (lambda site: site.says(b"", "404 Not Found"), PeerUnreachable),
    "no HTTP": (lambda site: setattr(site, "answer", b"220 mail.a.test ESMTP\r\n"), PeerUnreachable),
    "cut short": (
        lambda site: setattr(site, "answer", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),
        PeerUnreachable,
    ),
    "the seed's own dialect": (lambda site: site.says(b'{"publicKey": "x"}'), Untrusted),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
async def test_an_answer_that_breaks_the_rules_is_refused(site: WebSite, case: str) -> None:
    spoil, error = BAD[case]
    spoil(site)
    names = Names(a_test=[["127.0.0.1"]], mailx_a_test=[["127.0.0.1"]])

    with pytest.raises(error):
        await WellKnown(site.settings(), names).fetch("a.test")


async def test_a_site_that_never_answers_costs_a_bounded_time(
    site: WebSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mx_core.discovery.fetching._TOTAL_SECONDS", 0.3)
    site.answer = None
    started = time.monotonic()

    with pytest.raises(PeerUnreachable):
        await WellKnown(site.settings(), Names(a_test=[["127.0.0.1"]])).fetch("a.test")

    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        b"{",
        b'{"doc": 1, "sig": "eA=="}',
        b'{"doc": "eA==", "sig": null}',
        b'{"doc": "eA=="}',
        b'{"doc": "?", "sig": "eA=="}',
        b'{"doc": "eA==", "doc": "eQ==", "sig": "eA=="}',
        b'{"x": ' + b"[" * 8 + b"]" * 8 + b', "doc": "eA==", "sig": "eA=="}',
        b"[" * 50_000,
    ],
)
def test_what_is_not_the_json_we_expect_is_refused(body: bytes) -> None:
    with pytest.raises(Untrusted) as refused:
        parse_answer(body)

    assert refused.value.failure == "well-known"


def test_depth_is_counted_outside_strings_and_numbers_may_be_long() -> None:
    body = json.dumps({"note": '[[[[[[[[[[[[ \\" {{{{{', "doc": "eA==", "sig": "eQ=="})
    long = body[:-1] + ', "n": ' + "9" * 10_000 + ', "deep": [[[[[[1]]]]]]}'

    assert parse_answer(long.encode()) == SignedDocument(b"x", b"y")
