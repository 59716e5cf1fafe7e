"""Ordinary mail out, to a server that keeps what it is given."""

import ssl

import pytest

from gateway.legacy.relay_account import RelayAccount
from gateway.legacy.smtp_relay import SmtpRelay
from mx_core.model.address import Address
from mx_core.model.errors import PeerUnreachable, RelayRefused
from tests.support.loopback_tls import client_context
from tests.support.smtp_sink import PASSWORD, USER, SmtpSink, smtp_sink

ALICE, DORA = Address.parse("alice@a.example"), Address.parse("dora@old.example")
OCTETS = b"Subject: x\r\n\r\n.a dot\r\n..two\r\nlast line\r\n"
pytestmark = pytest.mark.anyio


def account(sink: SmtpSink, password: str = PASSWORD, sender: str = "") -> RelayAccount:
    return RelayAccount("localhost", sink.port, sink.implicit, USER, password, sender)


@pytest.mark.parametrize("implicit", [True, False])
async def test_octets_arrive_as_they_are_and_over_tls_only(implicit: bool) -> None:
    async with smtp_sink(implicit=implicit) as sink:
        relay = SmtpRelay(client_context)
        await relay.send(account(sink), ALICE, DORA, OCTETS)
        await relay.close()

    assert sink.taken == [
        ("MAIL FROM:<alice@a.example> SIZE=40", "RCPT TO:<dora@old.example>", OCTETS)
    ]
    before_tls = [] if implicit else ["EHLO localhost", "STARTTLS"]
    assert sink.said[: len(before_tls)] == before_tls
    assert sink.clear_octets == sum(len(line) + 2 for line in before_tls)


async def test_a_server_without_tls_or_with_a_strange_certificate_gets_not_a_word_of_it() -> None:
    async with smtp_sink(implicit=False) as sink:
        sink.answers["STARTTLS"] = "502 5.5.1 no TLS here"
        with pytest.raises(PeerUnreachable):
            await SmtpRelay(client_context).send(account(sink), ALICE, DORA, OCTETS)
    assert {line.partition(" ")[0] for line in sink.said} <= {"EHLO", "STARTTLS", "QUIT"}
    async with smtp_sink() as strange:
        with pytest.raises(PeerUnreachable):
            await SmtpRelay(ssl.create_default_context).send(account(strange), ALICE, DORA, OCTETS)

    assert (sink.taken, strange.taken, strange.said) == ([], [], [])


async def test_a_connection_is_kept_for_the_next_recipient() -> None:
    async with smtp_sink() as sink:
        relay = SmtpRelay(client_context)
        for who in ("dora", "eve", "fred"):
            await relay.send(account(sink), ALICE, Address(who, "old.example"), OCTETS)
        await relay.close()

    assert sink.connections == 1
    assert len(sink.taken) == 3


@pytest.mark.parametrize(
    ("verb", "answer", "status"),
    [
        ("RCPT", "550 5.1.1 nobody of that name", "5.1.1"),
        ("MAIL", "553 not you", "5.0.0"),
        ("END", "554 5.7.1 looks like advertising", "5.7.1"),
        ("DATA", "554 5.3.4 too large", "5.3.4"),
    ],
)
async def test_what_it_will_never_take_fails_with_its_words_and_code(
    verb: str, answer: str, status: str
) -> None:
    async with smtp_sink() as sink:
        sink.answers[verb] = answer
        with pytest.raises(RelayRefused, match="localhost says: 55") as refused:
            await SmtpRelay(client_context).send(account(sink), ALICE, DORA, OCTETS)

    assert refused.value.status == status


@pytest.mark.parametrize("verb", ["EHLO", "MAIL", "RCPT", "DATA", "END"])
async def test_what_it_does_not_take_now_is_tried_again(verb: str) -> None:
    async with smtp_sink() as sink:
        sink.answers[verb] = "451 4.3.0 later"
        with pytest.raises(PeerUnreachable):
            await SmtpRelay(client_context).send(account(sink), ALICE, DORA, OCTETS)


async def test_a_wrong_password_is_told_and_nobody_listening_too() -> None:
    async with smtp_sink() as sink:
        with pytest.raises(PeerUnreachable, match="does not take the login"):
            await SmtpRelay(client_context).send(account(sink, "x"), ALICE, DORA, OCTETS)
    with pytest.raises(PeerUnreachable, match="cannot be used"):
        await SmtpRelay(client_context).send(account(sink), ALICE, DORA, OCTETS)


async def test_what_it_cannot_carry_unchanged_is_refused_and_not_rewritten() -> None:
    async with smtp_sink() as sink:
        sink.extensions = ("AUTH PLAIN",)
        relay = SmtpRelay(client_context)
        with pytest.raises(RelayRefused, match="8-bit") as octets:
            await relay.send(account(sink), ALICE, DORA, b"Subject: x\r\n\r\n\xff\r\n")
        with pytest.raises(RelayRefused, match="more than ASCII") as address:
            await relay.send(account(sink), ALICE, Address("jörg", "old.example"), OCTETS)

    assert (octets.value.status, address.value.status) == ("5.6.3", "5.6.7")
    assert sink.taken == []


async def test_it_says_what_the_message_needs_and_another_sender_if_told_to() -> None:
    async with smtp_sink() as sink:
        relay = SmtpRelay(client_context)
        octets = "Subject: jörg\r\n\r\nx\r\n".encode()
        who = Address("jörg", "old.example")
        await relay.send(account(sink, sender="alice@isp.example"), ALICE, who, octets)
        await relay.close()

    [(mail, rcpt, taken)] = sink.taken
    assert mail == f"MAIL FROM:<alice@isp.example> BODY=8BITMIME SMTPUTF8 SIZE={len(octets)}"
    assert rcpt == "RCPT TO:<jörg@old.example>"
    assert taken == octets


def test_the_password_is_never_printed() -> None:
    shown = repr(RelayAccount("h.example", 465, True, "u", "canary", ""))

    assert "canary" not in shown
