"""The server document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from mx_core.discovery.document import (
    DomainKey,
    KeyState,
    Limits,
    RoleKey,
    ServerDocument,
    SignedDocument,
    decode,
    sign_document,
    sign_roll,
    verify_document,
    verify_roll,
)
from mx_core.discovery.endpoint import Endpoint
from mx_core.model.errors import Untrusted
from mx_core.notation import cbor
from mx_core.notation.signing import Use, sign
from tests.support.certificates import key_of, pk_of

NOW = 1_800_000_000
DAY = 86_400
A, NEW = pk_of("a.test"), pk_of("new.test")
DOCUMENT = ServerDocument(
    domain="a.test",
    created=NOW - 60,
    expires=NOW + 14 * DAY,
    keys=(
        DomainKey(KeyState.ACTIVE, A, NOW - DAY, NOW + DAY),
        DomainKey(KeyState.NEXT, NEW, NOW, NOW + 9 * DAY),
    ),
    hello=Endpoint("mx.a.test", 8443),
    federation=Endpoint("mx.a.test", 8444),
    client=Endpoint("2001:db8::1", 8445),
    role_keys=(RoleKey("door", b"d" * 32, NOW, NOW + DAY),),
    rolls=(sign_roll("a.test", key_of("old.test"), A),),
)


def check(signed: SignedDocument, now: float = NOW, **changed: Any) -> ServerDocument:
    arguments: dict[str, Any] = {"domain": "a.test", "keys": [A]}
    return verify_document(signed, now=now, **(arguments | changed))


def resigned(octets: bytes) -> SignedDocument:
    return SignedDocument(octets, sign(key_of("a.test"), Use.SERVER, octets))


def test_a_document_signed_by_its_domain_is_read_back() -> None:
    assert check(sign_document(DOCUMENT, key_of("a.test"))) == DOCUMENT
    assert decode(DOCUMENT.encode()) == DOCUMENT


def test_only_keys_that_are_active_today_speak_for_the_domain() -> None:
    assert DOCUMENT.active_keys(NOW) == (A,)
    assert DOCUMENT.active_keys(NOW + 2 * DAY) == ()


REFUSED: dict[str, tuple[Callable[[], ServerDocument], str]] = {
    "of another domain": (lambda: replace(DOCUMENT, domain="c.test"), "domain"),
    "expired": (
        lambda: replace(DOCUMENT, created=NOW - 20 * DAY, expires=NOW - 1),
        "document-expired",
    ),
    "too long a life": (lambda: replace(DOCUMENT, expires=NOW + 31 * DAY), "format"),
    "ends before it begins": (lambda: replace(DOCUMENT, expires=NOW - 61), "format"),
    "from the future": (
        lambda: replace(DOCUMENT, created=NOW + 601, expires=NOW + DAY),
        "format",
    ),
    "does not list its signer": (lambda: replace(DOCUMENT, keys=DOCUMENT.keys[1:]), "document-key"),
    "lists its signer as retired": (
        lambda: replace(DOCUMENT, keys=(DomainKey(KeyState.RETIRED, A, 0, NOW + DAY),)),
        "document-key",
    ),
    "no canonical domain": (lambda: replace(DOCUMENT, domain="A.test"), "domain"),
    "no keys": (lambda: replace(DOCUMENT, keys=()), "format"),
    "too many keys": (lambda: replace(DOCUMENT, keys=DOCUMENT.keys * 5), "format"),
    "no suites": (lambda: replace(DOCUMENT, suites=()), "format"),
    "versions upside down": (lambda: replace(DOCUMENT, versions=(2, 1)), "format"),
    "an unknown role": (
        lambda: replace(DOCUMENT, role_keys=(RoleKey("cook", A, 0, 1),)),
        "format",
    ),
    "too many role keys": (lambda: replace(DOCUMENT, role_keys=DOCUMENT.role_keys * 17), "format"),
    "a short key": (
        lambda: replace(DOCUMENT, keys=(DomainKey(KeyState.ACTIVE, b"k", 0, 1),)),
        "format",
    ),
    "a bad endpoint": (lambda: replace(DOCUMENT, hello=Endpoint("mx.a.test", 0)), "format"),
    "huge": (lambda: replace(DOCUMENT, suites=tuple(range(10_000))), "format"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_document_is_refused(case: str) -> None:
    make, failure = REFUSED[case]
    with pytest.raises(Untrusted) as refused:
        check(sign_document(make(), key_of("a.test")))

    assert refused.value.failure == failure


def test_a_signature_by_another_key_or_over_other_octets_or_under_another_use_is_refused() -> None:
    good = sign_document(DOCUMENT, key_of("a.test"))
    octets = good.octets
    for bad in (
        sign_document(DOCUMENT, key_of("new.test")),
        SignedDocument(octets + b"\0", good.signature),
        SignedDocument(octets, b""),
        SignedDocument(octets, sign(key_of("a.test"), Use.ATTEST, octets)),
    ):
        with pytest.raises(Untrusted) as refused:
            check(bad)
        assert refused.value.failure == "bad-signature"


def mutated(key: int, value: Any) -> bytes:
    content = cbor.decode(DOCUMENT.encode())
    assert isinstance(content, dict)
    if value is None:
        del content[key]
    else:
        content[key] = value
    return cbor.encode(content)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[(key, None) for key in range(13)],
        (13, 1),
        (0, 2),
        (1, b"a.test"),
        (2, True),
        (4, [[4, A, 0, 1]]),
        (4, [[1, A, 0]]),
        (4, [[True, A, 0, 1]]),
        (5, ["h"]),
        (5, [1, "h"]),
        (8, [0, 1]),
        (9, [True]),
        (10, [1, 2, 3]),
        (11, [["door", A]]),
        (12, [[A, NEW, b"short"]]),
        (12, [[A]]),
    ],
)
def test_a_document_of_another_shape_is_refused(key: int, value: Any) -> None:
    with pytest.raises(Untrusted) as refused:
        check(resigned(mutated(key, value)))

    assert refused.value.failure == "format"


def test_what_is_no_map_or_not_canonical_is_refused() -> None:
    for octets, failure in (
        (cbor.encode([1]), "format"),
        (b"\xff", "canonical"),
        (DOCUMENT.encode() + b"\0", "canonical"),
    ):
        with pytest.raises(Untrusted) as refused:
            check(resigned(octets))
        assert refused.value.failure == failure


def test_one_wrong_octet_never_passes() -> None:
    good = sign_document(DOCUMENT, key_of("a.test"))
    for at in range(0, len(good.octets), 7):
        spoiled = bytearray(good.octets)
        spoiled[at] ^= 1
        with pytest.raises(Untrusted):
            check(SignedDocument(bytes(spoiled), good.signature))
        with pytest.raises(Untrusted):
            decode(bytes(spoiled[:at]))


def test_limits_are_what_the_server_takes() -> None:
    limits = Limits(blob_octets=1, batch_octets=2, batch_items=3, postage_bits=4)

    assert decode(replace(DOCUMENT, limits=limits).encode()).limits == limits


def test_a_roll_is_the_old_keys_word_for_one_domain() -> None:
    roll = sign_roll("a.test", key_of("a.test"), NEW)
    verify_roll("a.test", roll)

    for domain, bad in (
        ("c.test", roll),
        ("a.test", roll._replace(new_key=A)),
        ("a.test", roll._replace(old_key=NEW)),
    ):
        with pytest.raises(Untrusted):
            verify_roll(domain, bad)
