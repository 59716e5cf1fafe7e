"""The main job with nothing but DNS to find each other: signed zones, a validating resolver."""

import secrets
import smtplib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.demo.round_trip import play
from mx_core.model.address import Address
from mx_core.model.ids import MsgId
from mx_core.proto.federation_pb2 import ACCEPTED
from tests.support.clients import about, smtp, status, wait_until
from tests.support.dns import dns_servers, txt_line
from tests.support.mallory import mallory_of
from tests.support.worlds import DnsWorld

_KEY = "A" * 43 + "="

pytestmark = pytest.mark.fleet


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DnsWorld]:
    signed, plain = ["a.test", "b.test", "signed.test"], ["plain.test"]
    with dns_servers(signed=signed, plain=plain, bogus=["bogus.test"]) as dns:
        record = txt_line("_mailx", f"v=mailx1; k=ed25519:{_KEY}; e=https://127.0.0.1:1")
        dns.publish("plain.test", [record])
        dns.publish("bogus.test", [record])
        with DnsWorld(
            tmp_path_factory.mktemp("dns"),
            cast=(("alice", "a.test"), ("bob", "b.test")),
            home_settings="[log]\nlevel = 'debug'\n",
            dns=dns,
        ) as world:
            yield world


def test_a_round_trip_needs_nothing_but_signed_dns(found: DnsWorld) -> None:
    """The main job with real DNS answers: no peers file anywhere, keys by DNSSEC alone."""
    for side in found.sides:
        for file in (side.home_dir / "mx-home.toml", side.gateway_dir / "config" / "config.toml"):
            assert "nameserver" in file.read_text()
            assert "peers" not in file.read_text()

    assert [leg.exact for leg in play(found)] == [True, True]
    for side in found.sides:
        wait_until(lambda side=side: "how=dnssec" in side.home.log.read_text())  # type: ignore[misc]  # bound now


@pytest.mark.parametrize(
    ("domain", "code", "enhanced", "sentence"),
    [
        # the zone is signed and says that there is no record
        ("signed.test", 550, b"5.1.1", b"signed.test is not on the network"),
        # nobody vouches for the record: unsigned, and no web site that says the same
        ("plain.test", 450, b"4.4.1", b"the keys of plain.test cannot be had now"),
        # the answer does not validate: SERVFAIL, as if nobody had answered
        ("bogus.test", 450, b"4.4.1", b"the keys of bogus.test cannot be had now"),
    ],
)
def test_a_domain_that_does_not_prove_itself_is_refused_while_the_sender_looks_on(
    found: DnsWorld, domain: str, code: int, enhanced: bytes, sentence: bytes
) -> None:
    """Bad input, an address: nothing is taken that could only leave in clear."""
    with smtp(found.alice.known) as client:
        client.ehlo()
        client.mail(found.alice.address)
        reply = client.rcpt(f"somebody@{domain}")

    assert reply[0] == code
    assert reply[1].startswith(enhanced + b" ")
    assert sentence in reply[1]
    with smtp(found.alice.known) as client, pytest.raises(smtplib.SMTPRecipientsRefused):
        client.sendmail(found.alice.address, [f"somebody@{domain}"], b"Subject: no\r\n\r\n")


@pytest.mark.anyio
async def test_an_envelope_from_a_domain_that_is_not_on_the_network_is_refused(
    found: DnsWorld,
) -> None:
    """Acceptance, unknown signer: no domain stands behind the claim, and the account goes on."""
    async with mallory_of(found) as mallory:
        before = status(found.bob)["refused"]
        nobody = replace(mallory.honest, address=Address.parse("mallory@signed.test"))
        for sender, text in ((nobody, "from nobody"), (mallory.honest, "honest")):
            item = mallory.sealed(text, sender, msg_id=MsgId(secrets.token_bytes(16)))
            assert await mallory.device.submit(item) == ACCEPTED

    wait_until(lambda: status(found.bob)["refused"] == before + 1)
    wait_until(lambda: bool(about(found.bob.known, "honest", "Requests")))
    for mailbox in ("INBOX", "Requests"):
        assert about(found.bob.known, "from nobody", mailbox) == []
