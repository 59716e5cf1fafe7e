"""DKIM and ARC by their expectations, over signatures made here."""

from __future__ import annotations

import hashlib

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from mx_core.mime.header import split_fields
from smtp_in.door.judging import signatures
from smtp_in.door.judging.signatures import SIGNATURES_MAX, dkim_results, forwarder
from tests.support.door_names import AWAY, TableNames, Zone
from tests.support.signed_mail import LETTER, ed25519_key, rsa_key, sealed_by, signed

pytestmark = pytest.mark.anyio

KEYS: Zone = {
    "TXT s._domainkey.c.example": [rsa_key()[1]],
    "TXT e._domainkey.c.example": [ed25519_key()[1]],
    "TXT away._domainkey.c.example": [AWAY],
    "TXT revoked._domainkey.c.example": ["v=DKIM1; k=rsa; p="],
    "TXT odd._domainkey.c.example": ["what is this"],
    "TXT s._domainkey.f.example": [rsa_key()[1]],
    "TXT s._domainkey.g.example": [rsa_key()[1]],
}
GOOD = signed(LETTER)


async def results(message: bytes, zone: Zone = KEYS) -> tuple[tuple[str, str], ...]:
    return await dkim_results(TableNames(zone), message, split_fields(message, 0, len(message)))


async def vouching(message: bytes, *trusted: str, zone: Zone = KEYS) -> str:
    fields = split_fields(message, 0, len(message))
    return await forwarder(TableNames(zone), message, fields, frozenset(trusted))


@pytest.mark.parametrize(
    ("message", "result"),
    [
        (LETTER, ()),
        (GOOD, (("c.example", "pass"),)),
        (
            signed(
                LETTER, selector="e", key=ed25519_key()[0], signature_algorithm=b"ed25519-sha256"
            ),
            (("c.example", "pass"),),
        ),
        (GOOD.replace(b"hello", b"hallo"), (("c.example", "fail"),)),
        (GOOD.replace(b"Subject: x", b"Subject: y"), (("c.example", "fail"),)),
        (b"X-New: 1\r\n" + GOOD, (("c.example", "pass"),)),
        (signed(LETTER, selector="none"), (("c.example", "permerror"),)),
        (signed(LETTER, selector="away"), (("c.example", "temperror"),)),
        (signed(LETTER, selector="revoked"), (("c.example", "fail"),)),
        (signed(LETTER, selector="odd"), (("c.example", "fail"),)),
        (signed(LETTER, length=True) + b"more\r\n", (("c.example", "policy"),)),
        (signed(LETTER, "f.example"), (("f.example", "pass"),)),
        (
            signed(signed(LETTER), "f.example"),
            (("f.example", "pass"), ("c.example", "pass")),
        ),
        (b"DKIM-Signature: v=1; d=c.example\r\n" + LETTER, (("c.example", "permerror"),)),
        (b"DKIM-Signature: s=s; d=" + b"x" * 300 + b"\r\n" + LETTER, ()),
        (b"DKIM-Signature: nonsense\r\n" + LETTER, ()),
        (b"DKIM-Signature: d=\xc3\xa9.example; s=s\r\n" + LETTER, ()),
        (GOOD.replace(b"a=rsa-sha256", b"a=rsa-sha1"), (("c.example", "permerror"),)),
        (GOOD.replace(b"d=c.example", b"d=c.example; d=f.example"), ()),
    ],
)
async def test_a_signature_is(message: bytes, result: tuple[tuple[str, str], ...]) -> None:
    found = await results(message)
    if message.count(b"rsa-sha1"):
        assert found[0][1] != "pass"
        return

    assert found == result


@pytest.mark.parametrize(
    "message",
    [
        GOOD,
        LETTER.partition(b"\r\n\r\n")[0] + b"\r\n\r\n",  # no body
        LETTER.partition(b"\r\n\r\n")[0] + b"\r\n",  # a header alone
        LETTER + b"\r\n\r\nmore\r\n",
        LETTER + b"an end without one",
        b"A: 1\r\n folded\r\n\r\n.\r\n",
    ],
)
def test_the_body_is_handed_to_the_library_as_it_would_have_split_it(message: bytes) -> None:
    opened = signatures._opened(message)

    assert (opened.headers, opened.body) == dkim.rfc822_parse(message)


@pytest.mark.parametrize("bits", [1024, 2048, 4096])
def test_what_openssl_says_of_a_signature_is_what_the_library_says(bits: int) -> None:
    private = rsa.generate_private_key(65_537, bits)
    numbers = private.public_key().public_numbers()
    public = {"modulus": numbers.n, "publicExponent": numbers.e}
    hashed = hashlib.sha256(b"signed")
    other = hashlib.sha256(b"not signed")
    good = private.sign(b"signed", PKCS1v15(), SHA256())
    tried = [good, good[:-1], good + b"\0", b"", bytes(len(good)), good[::-1]]
    tried += [bytes([*good[:at], good[at] ^ 1, *good[at + 1 :]]) for at in range(0, len(good), 9)]

    for signature in tried:
        for digest in (hashed, other):
            said = signatures._rsa_holds(digest, signature, public)
            assert said == signatures._rsa_holds_slowly(digest, signature, public)
            assert said == (signature == good and digest is hashed)


def test_a_signature_whose_first_octet_is_left_out_because_it_is_zero_holds() -> None:
    private = rsa.generate_private_key(65_537, 1024)
    numbers = private.public_key().public_numbers()
    public = {"modulus": numbers.n, "publicExponent": numbers.e}
    for number in range(10_000):  # one in some hundred begins so
        text = b"%d" % number
        signature = private.sign(text, PKCS1v15(), SHA256())
        if signature[0] == 0:
            break

    assert signature[0] == 0
    assert signatures._rsa_holds(hashlib.sha256(text), signature[1:], public)


@pytest.mark.parametrize("numbers", [(3, 3), (1 << 1500, 2), ((1 << 9000) + 1, 65_537)])
def test_numbers_that_openssl_does_not_take_are_left_to_the_library(
    numbers: tuple[int, int],
) -> None:
    assert signatures._rsa_key(*numbers) is None


async def test_at_most_eight_signatures_are_looked_at() -> None:
    field = GOOD[: GOOD.index(b"From:")]

    assert len(await results(field * 30 + LETTER)) == SIGNATURES_MAX


@pytest.mark.parametrize("at", range(0, GOOD.index(b"From:"), 11))
async def test_one_wrong_octet_in_a_signature_never_passes_for_another(at: int) -> None:
    broken = GOOD[:at] + b"\xff" + GOOD[at + 1 :]

    assert ("c.example", "pass") not in await results(broken)


async def test_a_large_message_is_judged_the_same() -> None:
    large = signed(LETTER + b"line\r\n" * 60_000)

    assert await results(large) == (("c.example", "pass"),)


# ── ARC ──
PASSED = b"spf=fail smtp.mailfrom=c.example; dmarc=pass header.from=c.example"


async def test_a_trusted_forwarder_vouches_for_what_it_found() -> None:
    message = sealed_by(LETTER, "f.example", PASSED)

    assert await vouching(message, "f.example") == "f.example"
    assert await vouching(message, "g.example") == ""
    assert await vouching(message) == ""


async def test_the_last_one_that_sealed_is_the_one_who_vouches() -> None:
    twice = sealed_by(sealed_by(LETTER, "f.example", PASSED), "g.example", b"arc=pass; dmarc=pass")

    assert await vouching(twice, "g.example") == "g.example"
    assert await vouching(twice, "f.example") == ""


@pytest.mark.parametrize(
    "results_found",
    [
        b"dmarc=fail",
        b"spf=pass",
        b'dmarc=none reason="dmarc=pass"',
        b"x-dmarc=pass",
        b"dmarc=passed",
        b'dmarc=fail reason="x; dmarc=pass"',
        b"dmarc=fail (x; (y) dmarc=pass; z)",
    ],
)
async def test_who_found_that_it_failed_vouches_for_nothing(results_found: bytes) -> None:
    assert await vouching(sealed_by(LETTER, "f.example", results_found), "f.example") == ""


async def test_what_was_altered_after_the_seal_is_vouched_for_by_nobody() -> None:
    message = sealed_by(LETTER, "f.example", PASSED)

    assert await vouching(message.replace(b"hello", b"hallo"), "f.example") == ""
    assert await vouching(message.replace(b"dmarc=pass", b"dmarc=none"), "f.example") == ""
    assert await vouching(message, "f.example", zone={}) == ""


async def test_a_chain_that_is_too_long_is_not_looked_at() -> None:
    message = sealed_by(LETTER, "f.example", PASSED)
    head = message[: message.index(b"From:")]
    seal = head[head.index(b"ARC-Seal") :].split(b"\r\nARC")[0] + b"\r\n"

    assert await vouching(seal * 20 + message, "f.example") == ""
