"""Proofs and sessions as values."""

from __future__ import annotations

import pytest

from mx_core.federation import auth
from mx_core.federation.auth import Role
from mx_core.model.errors import Untrusted
from mx_core.model.secret import Secret
from tests.support.certificates import key_of, pk_of

NOW = 1_800_000_000.0
KEY = Secret(b"k" * 32)
SPKI, OTHER_SPKI = b"s" * 32, b"t" * 32


def octets(**changed: object) -> bytes:
    said: dict[str, object] = {
        "client": "a.test",
        "server": "b.test",
        "nonce_b": b"b" * 32,
        "nonce_a": b"a" * 32,
        "spki_hash": SPKI,
    }
    role = changed.pop("role", Role.CLIENT)
    return auth.proof_octets(role, **(said | changed))  # type: ignore[arg-type]  # test values


def test_a_proof_verifies_under_the_key_that_made_it_and_any_set_with_it() -> None:
    signature = auth.prove(key_of("a.test"), octets())

    auth.verify_proof([pk_of("c.test"), pk_of("a.test")], octets(), signature)


@pytest.mark.parametrize(
    "changed",
    [
        {"role": Role.SERVER},
        {"client": "c.test"},
        {"server": "c.test"},
        {"nonce_b": b"x" * 32},
        {"nonce_a": b"x" * 32},
        {"spki_hash": OTHER_SPKI},
    ],
)
def test_a_proof_is_worth_nothing_when_one_thing_differs(changed: dict[str, object]) -> None:
    signature = auth.prove(key_of("a.test"), octets())

    with pytest.raises(Untrusted) as refused:
        auth.verify_proof([pk_of("a.test")], octets(**changed), signature)

    assert refused.value.failure == "proof"


def test_a_proof_by_another_key_or_under_no_key_is_refused() -> None:
    signature = auth.prove(key_of("evil.test"), octets())

    for keys in ([], [pk_of("a.test")], [b"short"]):
        with pytest.raises(Untrusted):
            auth.verify_proof(keys, octets(), signature)


def test_nonces_have_one_length() -> None:
    for wrong in (b"", b"n" * 31, b"n" * 33):
        with pytest.raises(Untrusted):
            octets(nonce_a=wrong)
        with pytest.raises(Untrusted):
            octets(nonce_b=wrong)


def test_a_session_opens_for_its_domain_and_leaf_until_it_expires() -> None:
    session = auth.make_session(KEY, "a.test", SPKI, int(NOW) + 3_600)

    auth.check_session(KEY, session, domain="a.test", spki_hash=SPKI, now=NOW)
    auth.check_session(KEY, session, domain="a.test", spki_hash=SPKI, now=NOW + 3_599)


def refusals() -> list[tuple[bytes, str, bytes, float, Secret[bytes]]]:
    good = auth.make_session(KEY, "a.test", SPKI, int(NOW) + 3_600)
    return [
        (good, "c.test", SPKI, NOW, KEY),
        (good, "a.test", OTHER_SPKI, NOW, KEY),
        (good, "a.test", SPKI, NOW + 3_600, KEY),
        (good, "a.test", SPKI, NOW, Secret(b"l" * 32)),
        (good[:-1], "a.test", SPKI, NOW, KEY),
        (good + b"x", "a.test", SPKI, NOW, KEY),
        (b"", "a.test", SPKI, NOW, KEY),
        ((int(NOW) + 3_601).to_bytes(8, "big") + good[8:], "a.test", SPKI, NOW, KEY),
        (auth.make_session(KEY, "a.test", SPKI, int(NOW) + 4_000), "a.test", SPKI, NOW, KEY),
    ]


@pytest.mark.parametrize("case", range(len(refusals())))
def test_a_session_is_worth_nothing_elsewhere(case: int) -> None:
    session, domain, spki, now, key = refusals()[case]

    with pytest.raises(Untrusted) as refused:
        auth.check_session(key, session, domain=domain, spki_hash=spki, now=now)

    assert refused.value.failure == "session"
