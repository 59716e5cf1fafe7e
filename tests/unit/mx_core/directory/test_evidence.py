"""A bundle shows what it says, to somebody who has nothing else; or it is refused."""

import copy

import pytest

from mx_core.directory.evidence import Evidence, Kind
from mx_core.model.errors import Untrusted
from mx_core.notation import cbor
from mx_core.notation.cbor import Value
from mx_core.passport.binding import Binding, attest
from mx_core.passport.epoch import new_epoch, sign_epoch
from mx_core.tlog import merkle
from tests.support.people import NOW, Person, domain_key, domain_pk, key_of, make_person
from tests.support.small_log import SmallLog


def bundle(kind: Kind, *items: Value) -> Evidence:
    return Evidence(kind, "a.example", items, b"document", bytes(64))


def attested(person: Person) -> Value:
    return cbor.decode(attest(domain_key(), Binding.of(person.state), NOW))


def two_histories() -> tuple[Person, Person]:
    one = make_person()
    other = copy.deepcopy(one)
    one.rotate()
    other.add()
    return one, other


def test_two_attested_histories_are_a_fork() -> None:
    one, other = two_histories()
    evidence = bundle(Kind.FORK, attested(one), attested(other))

    assert evidence.verify([domain_pk()], None).proved
    assert Evidence.decode(evidence.encode()) == evidence


def test_what_does_not_contradict_itself_is_no_evidence() -> None:
    one, _ = two_histories()
    log = SmallLog()
    log.add(("alice@a.example", b"1"))
    older = log.checkpoint()
    first = log.log.size
    log.add(("alice@a.example", b"2"))
    joined = list[Value](log.proof("alice@a.example", first).consistency)

    for evidence in (
        bundle(Kind.FORK, attested(one), attested(one)),
        bundle(Kind.FORK, attested(one), attested(make_person())),
        bundle(Kind.SPLIT_VIEW, older, log.checkpoint(), joined),
        bundle(Kind.SPLIT_VIEW, older, older, []),
        bundle(
            Kind.SPLIT_VIEW, older, [first, merkle.root(first, log.log.node), "carol@b.example"]
        ),
    ):
        with pytest.raises(Untrusted):
            evidence.verify([domain_pk()], log.keys)


def test_a_stranger_s_attestation_shows_nothing() -> None:
    one, other = two_histories()
    forged = cbor.decode(attest(key_of("stranger"), Binding.of(other.state), NOW))

    with pytest.raises(Untrusted, match="does not name"):
        bundle(Kind.FORK, attested(one), forged).verify([domain_pk()], None)


def test_two_epochs_with_one_number_are_a_device_that_exists_twice() -> None:
    alice = make_person()
    epochs = [
        cbor.decode(
            sign_epoch(
                alice.first.key, new_epoch(alice.pid, alice.first.id, 7, bytes([n]) * 32, NOW)
            )
        )
        for n in (1, 2)
    ]
    chain: Value = [cbor.decode(entry) for entry in alice.entries]

    assert bundle(Kind.CLONED_DEVICE, chain, *epochs).verify([], None).proved
    with pytest.raises(Untrusted):
        bundle(Kind.CLONED_DEVICE, chain, epochs[0], epochs[0]).verify([], None)


@pytest.mark.parametrize(
    "value",
    [
        [],
        {0: 9, 1: "a.example", 2: [], 3: [b"", bytes(64)]},
        {0: 1, 1: "A.example", 2: [], 3: [b"", bytes(64)]},
        {0: 1, 1: "a.example", 2: [], 3: [b"", b""]},
        {0: 1, 1: "a.example", 2: [], 3: [b"", bytes(64)], 4: 0},
    ],
)
def test_another_shape_is_refused(value: Value) -> None:
    with pytest.raises(Untrusted):
        Evidence.decode(cbor.encode(value)).verify([], None)


def test_items_that_do_not_fit_their_kind_are_refused() -> None:
    for kind in Kind:
        with pytest.raises(Untrusted):
            bundle(kind, 1).verify([], SmallLog().keys)
