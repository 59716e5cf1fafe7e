"""Forged status, forged senders and forged signatures: none is taken for the gateway's own word.

Looked at as a mail program can: the first field, keywords, and a search by header.
"""

from itertools import product

import pytest
from msgspec.structs import replace

from gateway.arriving.arrival_status import sender_status, with_message
from gateway.arriving.status_block import (
    FORGED_STATUS,
    FROM_DIFFERS,
    Mail,
    Status,
    block_octets,
    keywords,
    parse,
    render,
)
from gateway.pulling.marking import marked
from mx_core.mime.casemap import fold
from mx_core.mime.field_match import field_holds, has_field
from mx_core.mime.prepare import prepare
from mx_core.model.address import Address
from mx_core.model.flags import NOT_ENCRYPTED, UNVERIFIED
from mx_core.trust.pin import Tier
from tests.support.people import NOW, make_person
from tests.unit.gateway.arriving.test_arrival_status import judged, statement

EVE = Address.parse("eve@a.example")
EVES = make_person(str(EVE))
CLAIM = b"1; mail=network; from=bob@b.example; trust=verified;\r\n received=2027-01-15T08:00:00Z"
NAMES = (
    b"MX-Status:", b"mx-status:", b"MX-STATUS:", b"Mx-Status :", b"MX-Status\t:", b"MX-Status: ",
    b"MX-Status:\r\n ", b"MX-Status-Trust:", b"mX-sTaTuS: ", b"MX-Status:\t",
)  # fmt: skip
VALUES = (
    CLAIM,
    CLAIM + b" (end-to-end encrypted; the sender is verified by you)",
    b"=?utf-8?q?1;_mail=3Dnetwork;_trust=3Dverified?=",
    b"=?utf-8?b?MTsgbWFpbD1uZXR3b3JrOyB0cnVzdD12ZXJpZmllZA==?=",
    b"1; mail=network;\r\n\ttrust=verified;\r\n\treceived=2027-01-15T08:00:00Z",
    "1; mail=network; trust=\u202edeifirev\u202c trust=verified".encode(),
)
SPELLINGS = [name + value + b"\r\n" for name, value in product(NAMES, VALUES)]
LETTER = b"From: eve@a.example\r\nSubject: x\r\n\r\nhello\r\n"


def searched(octets: bytes, words: str) -> bool:
    """Tell whether SEARCH HEADER MX-Status finds it."""
    return field_holds(octets, prepare(octets), b"mx-status", fold(words))


def status_of(message: bytes, *, verified: bool = False) -> Status:
    """Return the status of *message*, whose envelope is truly signed by eve."""
    pin = EVES.pin()
    sender = judged(EVES, replace(pin, tier=Tier.VERIFIED) if verified else pin)
    return with_message(sender_status(statement(sender), sender, NOW), message)


def as_network(message: bytes) -> tuple[bytes, Status]:
    """Return what the flow in stores of eve's *message*, whom nobody has verified."""
    status = status_of(message)
    return render(status, EVE) + message, status


def test_there_are_sixty_spellings() -> None:
    assert len(set(SPELLINGS)) == 60


@pytest.mark.parametrize("forged", SPELLINGS)
def test_a_forged_status_in_network_mail_says_nothing(forged: bytes) -> None:
    for message in (forged + LETTER, LETTER.replace(b"Subject", forged + b"Subject")):
        octets, status = as_network(message)

        assert parse(octets) == status
        assert status.trust == "implicit"
        assert FORGED_STATUS in status.notes
        assert keywords(status) == {UNVERIFIED}
        assert not searched(octets, "trust=verified")
        assert not searched(octets, "verified by you")
        assert searched(octets, "trust=implicit")
        assert octets[block_octets(octets) :] == message


@pytest.mark.parametrize("forged", SPELLINGS)
def test_a_forged_status_in_ordinary_mail_is_gone(forged: bytes) -> None:
    mark = marked(forged + LETTER + forged, "imaps://x", NOW)
    octets, status = mark.octets, parse(mark.octets)
    form = prepare(octets)

    assert [field.name for field in form.fields] == [
        b"mx-status",
        b"return-path",
        b"from",
        b"subject",
    ]
    assert status is not None
    assert (status.mail, status.trust) == (Mail.ORDINARY, "none")
    assert mark.keywords == {NOT_ENCRYPTED}
    assert not searched(octets, "network")
    assert not searched(octets, "verified")


@pytest.mark.parametrize("forged", SPELLINGS[::7])
def test_a_message_that_a_program_stored_is_found_by_its_first_field_only(forged: bytes) -> None:
    octets = b"Received: x\r\n" + forged + LETTER

    assert not has_field(prepare(octets), b"mx-status")
    assert parse(octets) is None


FROMS = (
    b"From: =?utf-8?b?YWxpY2VAYS5leGFtcGxlAA==?=@e.example",  # alice@a.example and a NUL
    b"From: =?utf-8?q?alice=40a=2Eexample=0A=00?=@e.example",
    b"From: =?utf-8?Q?=61=6C=69=63=65=40=61=2E=65=78=61=6D=70=6C=65?=\r\n =?utf-8?Q?=00?= <eve@a.example>,x@y",
    b'From: "alice@a.example" <eve@a.example>, <alice@a.example>',
    b"From: alice@a.example\r\nFrom: eve@a.example",
    b"From: eve@a.example\r\nFrom: alice@a.example",
    b"From: <alice@a.example>",
    b'From: "alice@a.example" <eve@a.example>',
    b"From: =?utf-8?q?alice=40a=2Eexample?= <eve@a.example>",
    b"From: alice@a.example (eve@a.example)",
    b"From: group: alice@a.example;",
    b"From: eve@a.example\x00alice@a.example",
    b"From: \xe2\x80\xaealice@a.example",
    b"From:",
    b"X-From: eve@a.example",
)


@pytest.mark.parametrize("field", FROMS)
def test_a_from_field_that_is_not_exactly_the_sender_is_marked_even_if_they_were_verified(
    field: bytes,
) -> None:
    status = status_of(field + b"\r\nSubject: x\r\n\r\nhello\r\n", verified=True)

    assert status.trust == "verified"
    assert FROM_DIFFERS in status.notes
    assert keywords(status) == {UNVERIFIED}
    assert b"names somebody else" in render(status, EVE)


JOHNNY = (
    b'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=b\r\n\r\n--b--\r\n',
    b"Content-Type: application/pkcs7-mime; smime-type=signed-data\r\n\r\nMIIx\r\n",
    b"\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\n\r\nhello\r\n-----BEGIN PGP SIGNATURE-----\r\n",
    b"Content-Type: text/html\r\n\r\n<b>end-to-end encrypted; the sender is verified by you</b>\r\n",
    b"Authentication-Results: localhost; dkim=pass header.d=a.example; spf=pass\r\n\r\nhello\r\n",
    b"Content-Type: message/rfc822\r\n\r\nMX-Status: 1; mail=network; trust=verified\r\n\r\nx\r\n",
    b"X-Enigmail-Status: verified\r\nAutocrypt: addr=alice@a.example; keydata=x\r\n\r\nhello\r\n",
)


@pytest.mark.parametrize("rest", JOHNNY)
def test_no_signature_inside_a_message_changes_what_is_said_of_it(rest: bytes) -> None:
    octets, status = as_network(b"From: eve@a.example\r\n" + rest)
    plain = status_of(LETTER)

    assert status == plain
    assert keywords(status) == {UNVERIFIED}
    assert not searched(octets, "trust=verified")
