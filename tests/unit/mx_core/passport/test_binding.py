"""What a domain attests, for how long, and by which key.  Spec/card §2."""

import pytest
from msgspec.structs import replace

from mx_core.model.address import Address
from mx_core.notation import cbor
from mx_core.notation.signing import Use, sign
from mx_core.passport.binding import Attestation, Binding, attest, verify_attestation
from tests.support.people import DAY, NOW, domain_key, domain_pk, key_of, make_person
from tests.support.refusal import tried

BINDING = Binding.of(make_person().state)


def judged(attestation: bytes, now: float = NOW, judged_at: float | None = None) -> str:
    return tried(
        lambda: verify_attestation(
            attestation,
            expected=BINDING,
            domain_keys=[bytes(32), domain_pk()],
            now=now,
            judged_at=judged_at,
        )
    )[1]


def of_fields(fields: dict[int, cbor.Value]) -> bytes:
    octets = cbor.encode(fields)
    return cbor.encode([octets, sign(domain_key(), Use.ATTEST, octets)])


def test_a_binding_survives_its_encoding() -> None:
    assert Binding.decode(BINDING.encode()) == BINDING


def test_a_binding_may_name_the_address_that_was_asked() -> None:
    old = Address.parse("old@a.example")

    assert Binding.of(make_person().state, old).address == old


def test_an_attestation_holds_thirty_days_unless_told_otherwise() -> None:
    made = Attestation.read(cbor.decode(attest(domain_key(), BINDING, NOW)))
    short = Attestation.read(cbor.decode(attest(domain_key(), BINDING, NOW, DAY)))

    assert (made.issued, made.expires) == (NOW, NOW + 30 * DAY)
    assert short.expires == NOW + DAY


@pytest.mark.parametrize(
    ("now", "judged_at", "failure"),
    [
        (NOW, None, ""),
        (NOW + 30 * DAY, None, ""),
        (NOW + 30 * DAY + 1, None, "attest-expired"),
        (NOW + 300 * DAY, NOW, ""),
        (NOW + 300 * DAY, NOW + 30 * DAY + 1, "attest-expired"),
        (NOW - 600, None, ""),
        (NOW - 601, None, "attest-expired"),
        (NOW - 601, NOW, "attest-expired"),
    ],
)
def test_its_age_is_judged(now: float, judged_at: float | None, failure: str) -> None:
    assert judged(attest(domain_key(), BINDING, NOW), now, judged_at) == failure


def test_it_is_of_exactly_this_address_passport_and_entry() -> None:
    for other in (
        replace(BINDING, seq=1),
        replace(BINDING, head=bytes(32)),
        replace(BINDING, pid=make_person("bob@a.example").pid),
        replace(BINDING, address=Address.parse("bob@a.example")),
    ):
        assert judged(attest(domain_key(), other, NOW)) == "binding"


def test_only_an_active_key_of_the_domain_attests() -> None:
    assert judged(attest(key_of("stranger"), BINDING, NOW)) == "attest-key"


def test_an_attestation_is_not_taken_for_another_use() -> None:
    pair = cbor.decode(attest(domain_key(), BINDING, NOW))
    assert isinstance(pair, list)
    assert isinstance(pair[0], bytes)
    other = sign(domain_key(), Use.SERVER, pair[0])

    assert judged(cbor.encode([pair[0], other])) == "attest-key"


@pytest.mark.parametrize(
    "changed",
    [
        {2: NOW + 30 * DAY + 1},
        {2: NOW - 1},
        {3: bytes(31)},
        {0: "binding"},
        {0: cbor.encode({0: 1})},
        {4: 0},
    ],
)
def test_another_shape_is_format(changed: dict[int, cbor.Value]) -> None:
    fields: dict[int, cbor.Value] = {
        0: BINDING.encode(),
        1: NOW,
        2: NOW + DAY,
        3: domain_pk(),
        **changed,
    }

    assert judged(of_fields(fields)) == "format"
