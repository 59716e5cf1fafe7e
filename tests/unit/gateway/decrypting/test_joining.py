"""A decrypted message: the header it came with, what was in it, and what the gateway says of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.arriving.status_block import (
    Mail,
    Status,
    block_octets,
    parse,
    render,
    sentence,
)
from gateway.decrypting.enclosed import Kind
from gateway.decrypting.joining import is_network, joined
from gateway.decrypting.opener import NotOpened
from gateway.pulling.marking import marked
from mx_core.model.address import Address
from tests.support.encrypted_mail import ENTITY, pgp_mime

NOW = 1_800_000_000
CAME = pgp_mime(b"-----BEGIN PGP MESSAGE-----\n")


def join(came: bytes, entity: bytes, *, foreign: bool = False) -> bytes:
    made = joined(came, entity, Kind.OPENPGP, NOW, foreign=foreign)
    status = parse(made)
    assert status is not None
    assert status.notes[-1] == "decrypted-openpgp"
    return made[block_octets(made) :]


def test_the_header_stays_and_what_was_inside_is_the_body() -> None:
    assert join(CAME, ENTITY) == (
        b"Subject: ...\r\nFrom: Alice <alice@a.example>\r\nTo: bob@b.example\r\nMIME-Version: 1.0\r\n"
        + ENTITY
    )


def test_the_block_says_what_it_was_and_that_nothing_is_proved() -> None:
    made = joined(
        b"Return-Path: <alice@a.example>\r\n" + CAME, ENTITY, Kind.SMIME, NOW, foreign=False
    )
    status = parse(made)

    assert status is not None
    assert (status.mail, status.trust, status.received) == (Mail.ORDINARY, "none", NOW)
    assert status.notes == ("decrypted-smime",)
    told = sentence(status)
    assert "encrypted by S/MIME" in told
    assert "a signature in it was not checked" in told
    assert b"\r\nReturn-Path: <alice@a.example>\r\n" in made[: block_octets(made)]
    assert b"Return-Path" not in made[block_octets(made) :]


@pytest.mark.parametrize("says", [b'; hp="cipher"', b'; protected-headers="v1"'])
def test_protected_fields_are_shown_but_never_from(says: bytes) -> None:
    entity = (
        b"Content-Type: text/plain" + says + b"\r\nSubject: the true one\r\n"
        b"From: mallory@m.example\r\nX-Other: 1\r\nMX-Status: 1; mail=network\r\n\r\nhello\r\n"
    )
    assert join(CAME, entity) == (
        b"From: Alice <alice@a.example>\r\nTo: bob@b.example\r\nMIME-Version: 1.0\r\n"
        b"Subject: the true one\r\nContent-Type: text/plain" + says + b"\r\n\r\nhello\r\n"
    )


def test_fields_that_are_not_said_to_be_protected_are_not_taken() -> None:
    entity = b"Subject: another\r\nContent-Type: text/plain\r\n\r\nhello\r\n"

    assert join(CAME, entity).startswith(b"Subject: ...\r\n")


def test_what_was_pulled_keeps_its_block_and_loses_the_mark_of_its_subject() -> None:
    pulled = marked(CAME, "imaps://alice@mail.example:993", NOW - 9, subjects=True).octets
    assert b"Subject: [not encrypted] ..." in pulled
    made = joined(pulled, ENTITY, Kind.OPENPGP, NOW, foreign=False)
    status = parse(made)

    assert status is not None
    assert (status.received, status.more) == (NOW - 9, (("via", "imaps://alice@mail.example:993"),))
    assert status.notes == ("decrypted-openpgp",)
    assert made[block_octets(made) :].startswith(b"Subject: ...\r\n")


def test_a_status_that_somebody_else_wrote_says_nothing() -> None:
    network = render(Status(Mail.NETWORK, NOW, Address.parse("alice@a.example")), None) + CAME

    assert is_network(network, foreign=False)
    assert not is_network(network, foreign=True)
    made = join(network, ENTITY, foreign=True)
    assert b"mail=network" not in made


def test_text_with_the_line_ends_of_unix_gets_those_of_mail() -> None:
    assert join(CAME, ENTITY.replace(b"\r\n", b"\n")) == join(CAME, ENTITY)


@pytest.mark.parametrize(
    "entity",
    [
        b"", b"hello", b"hello\r\n\r\nhello", b"\r\nhello\r\n", b"Subject: x\r\n\r\nhello\r\n",
        b"Content-Type: nonsense\r\n\r\n", b"Content-Type: text/plain\r\nno field\r\n\r\nhello\r\n",
        b"Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nhello\r\n",
        b"Content-Type: text/plain\r\n" + b"X: 1\r\n" * 1_000 + b"\r\n",
    ],
)  # fmt: skip
def test_what_is_no_whole_entity_is_not_taken(entity: bytes) -> None:
    with pytest.raises(NotOpened):
        joined(CAME, entity, Kind.OPENPGP, NOW, foreign=False)


@given(where=st.integers(0), octet=st.binary(min_size=1, max_size=1))
def test_one_wrong_octet_is_taken_whole_or_not_at_all(where: int, octet: bytes) -> None:
    at = where % len(ENTITY)
    altered = ENTITY[:at] + octet + ENTITY[at + 1 :]
    try:
        made = joined(CAME, altered, Kind.OPENPGP, NOW, foreign=False)
    except NotOpened:
        return

    assert parse(made) is not None
    assert b"From: Alice <alice@a.example>\r\n" in made
