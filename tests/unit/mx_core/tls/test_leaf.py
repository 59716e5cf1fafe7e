"""The certificate that a server shows."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from mx_core.tls.leaf import Leaves, make_leaf, root_name, spki_hash
from tests.support.certificates import key_of

NOW = 1_800_000_000.0
DAY = 86_400


def test_a_leaf_is_p256_names_its_domain_alone_and_lives_seven_days_from_five_minutes_ago() -> None:
    leaf = make_leaf("a.test", key_of("a.test"), NOW)

    certificate = x509.load_der_x509_certificate(leaf.der)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    public_key = certificate.public_key()

    assert list(names) == [x509.DNSName("a.test")]
    assert isinstance(public_key, ec.EllipticCurvePublicKey)
    assert isinstance(public_key.curve, ec.SECP256R1)
    assert (leaf.not_before, leaf.not_after) == (NOW - 300, NOW - 300 + 7 * DAY)
    assert certificate.not_valid_after_utc.timestamp() == leaf.not_after


def test_a_leaf_never_prints_its_key() -> None:
    assert "PRIVATE" not in repr(make_leaf("a.test", key_of("a.test"), NOW))


def test_a_leaf_is_renewed_at_half_its_life_with_jitter() -> None:
    clock = [NOW]
    leaves = Leaves("a.test", key_of("a.test"), lambda: clock[0])
    first = leaves.current()

    clock[0] = NOW + 3.5 * DAY - 1
    assert leaves.current() is first
    clock[0] = NOW + 4 * DAY
    assert leaves.current() is not first


def test_a_clock_that_jumped_back_makes_a_leaf_that_is_valid_now() -> None:
    clock = [NOW]
    leaves = Leaves("a.test", key_of("a.test"), lambda: clock[0])
    leaves.current()

    clock[0] = NOW - 2 * DAY

    assert leaves.current().not_before <= clock[0]


def test_the_hash_of_a_leaf_is_that_of_its_public_key_and_differs_between_leaves() -> None:
    first = make_leaf("a.test", key_of("a.test"), NOW)
    second = make_leaf("a.test", key_of("a.test"), NOW)

    assert len(spki_hash(first.der)) == 32
    assert first.spki_hash == spki_hash(first.der)
    assert spki_hash(first.der) != spki_hash(second.der)


def test_a_domain_too_long_for_a_common_name_is_named_by_its_digest() -> None:
    long_domain = ".".join(["x" * 60] * 4)
    [name] = root_name(long_domain)

    assert len(name.value) <= 64
    assert make_leaf(long_domain, key_of("a.test"), NOW).domain == long_domain
