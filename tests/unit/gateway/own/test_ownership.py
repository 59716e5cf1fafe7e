"""Whose an ordinary address is, proved by a mail that its domain signed."""

import base64
import functools

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.own.claim import Claim, claim_text
from gateway.own.ownership import Proof, prove, verify_proof
from mx_core.model.address import Address
from mx_core.model.errors import Untrusted
from tests.support.people import NOW, Person, make_person

ORDINARY = Address.parse("alice@mail.example")
NAME = "s1._domainkey.mail.example"


@functools.cache
def rsa_key(bits: int) -> tuple[bytes, bytes]:
    """Private key in PEM, TXT record."""
    key = rsa.generate_private_key(65537, bits)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem, b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)


def text_of(person: Person, ordinary: Address = ORDINARY) -> str:
    device = person.devices[0]
    claim = Claim(ordinary, person.address, person.pid, device.id, NOW)
    return claim_text(claim, device.key).replace("\n", "\r\n")


def mail(body: str, *, author: str = "Alice <alice@mail.example>", more: str = "") -> bytes:
    return f"From: {author}\r\nTo: x@y.example\r\nSubject: claim\r\n{more}\r\n{body}\r\n".encode()


def signed(
    octets: bytes, *, domain: bytes = b"mail.example", bits: int = 2048, **more: object
) -> bytes:
    more = {"include_headers": [b"from", b"to", b"subject"]} | more
    line = dkim.sign(octets, b"s1", domain, rsa_key(bits)[0], **more)
    return bytes(line) + octets


def ask(name: str) -> bytes | None:
    return rsa_key(2048)[1] if name == NAME else None


def refused(person: Person, octets: bytes, sentence: str) -> None:
    with pytest.raises(Untrusted, match=sentence):
        prove(octets, person.entries, ask, NOW)


def test_a_signed_claim_proves_whose_the_address_is_without_a_network() -> None:
    alice = make_person()
    octets = b"Received: from here\r\n" + signed(mail("Hello\r\n\r\n" + text_of(alice)))

    made = prove(octets, alice.entries, ask, NOW)
    shown = verify_proof(Proof.decode(made.encode()), NOW + 1_000_000)

    assert (shown.claim.ordinary, shown.claim.address) == (ORDINARY, alice.address)
    assert (shown.domain, shown.selector, shown.seen) == ("mail.example", "s1", NOW)
    assert dict(made.records) == {NAME: rsa_key(2048)[1]}


def test_how_a_provider_encodes_it_makes_no_difference() -> None:
    alice = make_person()
    body = base64.encodebytes(text_of(alice).upper().encode()).decode().replace("\n", "\r\n")
    more = "MIME-Version: 1.0\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n"

    prove(signed(mail(body, more=more)), alice.entries, ask, NOW)


def test_an_octet_that_was_altered_proves_nothing() -> None:
    alice = make_person()
    octets = signed(mail("Hello\r\n\r\n" + text_of(alice)))

    refused(alice, octets.replace(b"Hello", b"Hallo"), "covers the whole message")
    refused(alice, octets.replace(b"Subject: claim", b"Subject: other"), "covers the whole message")
    refused(alice, mail(text_of(alice)), "covers the whole message")
    refused(alice, octets.replace(b"mx-claim ends", b"mx-claim end"), "0 claims")
    refused(alice, octets + text_of(alice).encode(), "2 claims")


def test_only_the_domain_of_the_address_counts_and_only_all_of_the_message() -> None:
    alice = make_person()
    octets = mail(text_of(alice))

    refused(alice, signed(octets, domain=b"evil.example"), "covers the whole message")
    refused(alice, signed(octets, length=True), "covers the whole message")
    refused(alice, signed(mail(text_of(alice), author="eve@mail.example")), "not from the address")
    refused(
        alice, signed(mail(text_of(alice), author="a@b.example, alice@mail.example")), "not from"
    )
    refused(alice, signed(mail(text_of(alice), more="From: eve@mail.example\r\n")), "not from")


def test_a_claim_of_another_or_of_nobody_proves_nothing() -> None:
    alice, bob = make_person(), make_person("bob@b.example")
    octets = signed(mail(text_of(bob)))

    refused(alice, octets, "another passport")
    device = bob.devices[0]
    forged = Claim(ORDINARY, alice.address, alice.pid, alice.devices[0].id, NOW)
    refused(alice, signed(mail(claim_text(forged, device.key))), "does not verify")
    unknown = Claim(ORDINARY, alice.address, alice.pid, device.id, NOW)
    refused(alice, signed(mail(claim_text(unknown, device.key))), "no device of the passport")


def test_a_proof_that_was_altered_shows_nothing() -> None:
    alice = make_person()
    made = prove(signed(mail(text_of(alice))), alice.entries, ask, NOW)
    with pytest.raises(Untrusted, match="future"):
        verify_proof(made, NOW - 1)
    with pytest.raises(Untrusted, match="covers the whole message"):
        verify_proof(Proof(made.message, {}, made.entries, NOW), NOW)
    for octets in (b"", b"\x80", made.encode()[:-1], bytes(2_000_000)):
        with pytest.raises(Untrusted):
            Proof.decode(octets)
