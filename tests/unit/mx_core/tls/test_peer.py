"""Layer 2: the leaf is judged per call, whatever TLS let through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from ssl import DER_cert_to_PEM_cert

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from mx_core.model.errors import Untrusted
from mx_core.tls.leaf import Leaf, make_leaf
from mx_core.tls.peer import PeerCheck, examine, peer_domain, verify_leaf
from tests.support.certificates import crooked_leaf, key_of, pk_of

NOW = 1_800_000_000.0


def keys_of(domain: str) -> Sequence[bytes]:
    return (pk_of(domain),)


def test_a_good_leaf_proves_its_domain() -> None:
    leaf = make_leaf("a.test", key_of("a.test"), NOW)

    peer = examine(leaf.cert_pem, keys_of, NOW)

    assert (peer.domain, peer.domain_pk) == ("a.test", pk_of("a.test"))
    assert peer_domain(leaf.cert_pem, keys_of, NOW) == "a.test"
    assert verify_leaf(leaf.der, "a.test", [pk_of("a.test")], NOW) == peer


def test_during_a_key_change_a_leaf_by_either_key_is_good() -> None:
    leaf = make_leaf("a.test", key_of("new.test"), NOW)

    peer = examine(leaf.cert_pem, lambda _: [pk_of("a.test"), pk_of("new.test")], NOW)

    assert peer.domain_pk == pk_of("new.test")


def test_the_key_of_one_domain_cannot_sign_a_leaf_for_another() -> None:
    """The cross-domain attack, at layer 2."""
    leaf = crooked_leaf("a.test", ["c.test"], NOW)

    with pytest.raises(Untrusted) as refused:
        examine(leaf.cert_pem, keys_of, NOW)

    assert refused.value.failure == "leaf-key"


CROOKED: dict[str, tuple[Callable[[], Leaf], str]] = {
    "two names": (lambda: crooked_leaf("a.test", ["a.test", "c.test"], NOW), "leaf-san"),
    "the same name twice": (lambda: crooked_leaf("a.test", ["a.test", "a.test"], NOW), "leaf-san"),
    "no name": (lambda: crooked_leaf("a.test", ["a.test"], NOW, with_names=False), "leaf-san"),
    "an address": (lambda: crooked_leaf("a.test", ["127.0.0.1"], NOW), "leaf-san"),
    "a wildcard": (lambda: crooked_leaf("a.test", ["*.a.test"], NOW), "leaf-san"),
    "capitals": (lambda: crooked_leaf("a.test", ["A.test"], NOW), "leaf-san"),
    "another key": (lambda: crooked_leaf("b.test", ["a.test"], NOW, issuer="a.test"), "leaf-key"),
    "expired": (lambda: crooked_leaf("a.test", ["a.test"], NOW - 8 * 86_400), "leaf-expired"),
    "not yet valid": (lambda: crooked_leaf("a.test", ["a.test"], NOW + 3_600), "leaf-expired"),
    "too long a life": (
        lambda: crooked_leaf("a.test", ["a.test"], NOW, lifetime=timedelta(days=8)),
        "leaf-format",
    ),
    "a CA": (lambda: crooked_leaf("a.test", ["a.test"], NOW, ca=True), "leaf-format"),
    "another curve": (
        lambda: crooked_leaf("a.test", ["a.test"], NOW, curve=ec.SECP384R1()),
        "leaf-format",
    ),
    "an Ed25519 leaf": (
        lambda: crooked_leaf("a.test", ["a.test"], NOW, ed25519_key=True),
        "leaf-format",
    ),
}


@pytest.mark.parametrize("case", CROOKED)
def test_a_crooked_leaf_is_refused(case: str) -> None:
    make, failure = CROOKED[case]
    leaf = make()

    with pytest.raises(Untrusted) as refused:
        examine(leaf.cert_pem, keys_of, NOW)

    assert refused.value.failure == failure


@pytest.mark.parametrize("octets", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_refused(octets: bytes) -> None:
    with pytest.raises(Untrusted) as refused:
        examine(octets, keys_of, NOW)
    with pytest.raises(Untrusted):
        verify_leaf(octets, "a.test", keys_of("a.test"), NOW)

    assert refused.value.failure == "leaf-format"


@pytest.mark.parametrize(
    ("octets", "others"),
    [
        (b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x0e"),  # version 15
        (b"\x82\x06a.test", b"\xa3\x06a.test"),  # the name is an x400Address
    ],
)
def test_a_certificate_with_parts_that_nobody_uses_is_refused(octets: bytes, others: bytes) -> None:
    good = make_leaf("a.test", key_of("a.test"), NOW).der
    odd = good.replace(octets, others, 1)
    assert odd != good

    with pytest.raises(Untrusted) as refused:
        examine(DER_cert_to_PEM_cert(odd).encode(), keys_of, NOW)

    assert refused.value.failure == "leaf-format"


def test_a_huge_certificate_is_not_even_parsed() -> None:
    with pytest.raises(Untrusted) as refused:
        examine(b"x" * 8_193, keys_of, NOW)

    assert refused.value.failure == "leaf-format"


def test_a_leaf_of_another_domain_is_not_taken_for_the_one_expected() -> None:
    leaf = make_leaf("a.test", key_of("a.test"), NOW)

    with pytest.raises(Untrusted) as refused:
        verify_leaf(leaf.der, "b.test", [pk_of("a.test"), pk_of("b.test")], NOW)

    assert refused.value.failure == "leaf-key"


def test_a_known_leaf_is_judged_again_when_time_passes_or_the_key_goes() -> None:
    leaf = make_leaf("a.test", key_of("a.test"), NOW)
    clock, keys = [NOW], {"a.test": [pk_of("a.test")]}
    check = PeerCheck(lambda domain: keys.get(domain, ()), lambda: clock[0])

    first = check.peer(leaf.cert_pem)
    assert check.peer(leaf.cert_pem) is first

    clock[0] = leaf.not_after + 1
    with pytest.raises(Untrusted) as late:
        check.peer(leaf.cert_pem)
    assert late.value.failure == "leaf-expired"

    clock[0], keys["a.test"] = NOW, []
    with pytest.raises(Untrusted) as gone:
        check.peer(leaf.cert_pem)
    assert gone.value.failure == "leaf-key"


def test_the_memory_of_leaves_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mx_core.tls.peer._REMEMBERED", 3)
    check = PeerCheck(keys_of, lambda: NOW)
    leaves = [make_leaf("a.test", key_of("a.test"), NOW) for _ in range(5)]

    for leaf in leaves:
        check.peer(leaf.cert_pem)

    assert len(check._seen) == 3
