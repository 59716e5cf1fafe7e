"""Chain verification: exactly the chains of the page, and a class for all others.  Spec/passport §4."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mx_core.model.ids import DeviceId, Pid
from mx_core.passport.chain import ENTRIES_MAX, accept, extend, verify_chain
from mx_core.passport.entry import Entry, SignedEntry
from mx_core.passport.op import Add, Kind, Op, Reason, Rotate, Unsupported
from tests.support.passport_cases import chains
from tests.support.passport_vectors import load, outcome, vector_of
from tests.support.people import NOW, Person, make_person
from tests.support.refusal import tried

CLASSES = {
    *("size", "canonical", "format", "seq", "prev", "pid", "time", "signer", "id"),
    *("combination", "role-missing", "role-extra", "bad-signature", "reused-key"),
    *("unknown-op", "no-full-device", "ended"),
}
ACTS = ("add", "add-limited", "remove", "lose", "rotate")
VECTORS = load("chain")


@pytest.mark.parametrize("vector", VECTORS, ids=[each["name"] for each in VECTORS])
def test_a_chain_verifies_or_is_refused_as_its_vector_says(vector: dict[str, Any]) -> None:
    assert outcome(vector) == (vector.get("result"), vector.get("failure", ""))


def test_the_committed_vectors_are_those_that_the_cases_make() -> None:
    assert [vector_of(case) for case in chains.cases()] == VECTORS


def test_every_failure_class_has_a_vector() -> None:
    assert {each["failure"] for each in VECTORS if "failure" in each} == CLASSES


def test_a_refused_entry_leaves_the_state_as_it_was() -> None:
    person = make_person()
    before = person.state

    assert tried(lambda: extend(before, b"", NOW))[1] == "canonical"
    person.rotate()
    assert extend(before, person.entries[1], NOW) == person.state


def test_the_129th_entry_is_refused() -> None:
    """With the ops of today the limit of the chain's octets comes first."""
    person = make_person()
    full = replace(person.state, heads=person.state.heads * ENTRIES_MAX)

    assert tried(lambda: extend(full, person.entries[0], NOW))[1] == "size"


def test_a_server_accepts_only_fresh_entries() -> None:
    entry = make_person().entries[0]

    assert accept(None, entry, NOW + 600).seq == 0
    assert tried(lambda: accept(None, entry, NOW + 601)) == (None, "time")


def test_of_several_faults_the_first_step_names_the_class() -> None:
    """Each fault is added to those of the later steps, from the last step to the first."""
    person = make_person()
    state, first = person.state, person.first.device
    other, unknown = DeviceId(bytes(16)), DeviceId(b"\xff" * 16)
    named: tuple[Op, ...] = (Add(replace(first, id=other)),)
    entry = Entry(1, NOW, first.id, named, state.pid, state.head)

    def failure(**changes: Any) -> str:
        nonlocal entry
        entry = replace(entry, **changes)
        unsigned = SignedEntry(entry.encode(), ()).octets
        return tried(lambda: extend(state, unsigned, NOW))[1]

    assert tried(lambda: extend(state, person.write(named[0])[:-1] + b"?", NOW))[1] == "reused-key"
    assert failure() == "reused-key"
    assert failure(ops=(Add(first),)) == "id"
    assert failure(by=unknown) == "signer"
    assert failure(ops=(Add(first), Rotate(bytes(32)), Rotate(bytes(32)))) == "combination"
    assert failure(ops=(*entry.ops, Unsupported(99, {}))) == "unknown-op"
    assert failure(time=NOW - 1) == "time"
    assert failure(pid=Pid(bytes(32))) == "pid"
    assert failure(prev=bytes(32)) == "prev"
    assert failure(seq=2) == "seq"


def act(person: Person, what: str, which: int) -> None:
    """Do *what* if the person's state allows it."""
    state = person.state
    active = [each for each in person.devices if state.active_device(each.id)]
    full = [each for each in active if each.device.kind is Kind.FULL]
    by, chosen = full[which % len(full)], active[which // 7 % len(active)]
    if what in {"add", "add-limited"} and len(active) < 8:
        person.add(Kind.FULL if what == "add" else Kind.LIMITED, by=by)
    elif what in {"remove", "lose"} and full != [chosen]:
        reason, since = (Reason.RETIRED, None) if what == "remove" else (Reason.LOST, NOW - which)
        person.remove(chosen, reason, since, by=by)
    elif what == "rotate":
        person.rotate(by)


plans = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 60)), max_size=8)


def lived(plan: list[tuple[str, int]]) -> Person:
    person = make_person(epochs=0)
    for what, which in plan:
        act(person, what, which)
    return person


@settings(max_examples=25, deadline=None)
@given(plan=plans)
def test_whatever_a_person_may_do_verifies(plan: list[tuple[str, int]]) -> None:
    person = lived(plan)

    state = verify_chain(person.entries, now=NOW)

    assert state.seq == len(person.entries) - 1
    assert state.chain_octets == sum(map(len, person.entries))
    assert state.full
    assert state.identity_pk == bytes(person.identity.verify_key)


@settings(max_examples=150, deadline=None)
@given(plan=plans, where=st.integers(0), octet=st.integers(1, 255))
def test_one_wrong_octet_is_refused_with_a_class_and_never_another_exception(
    plan: list[tuple[str, int]], where: int, octet: int
) -> None:
    entries = lived(plan[:3]).entries
    which = where % len(entries)
    at = where // len(entries) % len(entries[which])
    altered = bytearray(entries[which])
    altered[at] ^= octet

    state, failure = tried(
        lambda: verify_chain([*entries[:which], bytes(altered), *entries[which + 1 :]], now=NOW)
    )

    assert state is None
    assert failure in CLASSES


@settings(max_examples=100, deadline=None)
@given(octets=st.binary(max_size=300))
def test_any_octets_at_all_are_refused_with_a_class(octets: bytes) -> None:
    state, failure = tried(lambda: verify_chain([octets], now=NOW))

    assert state is None
    assert failure in CLASSES
