"""Chains whose octets or order are wrong: step 1 of spec/passport §4."""

from collections.abc import Callable, Iterator

from mx_core.model.ids import Pid
from mx_core.notation import cbor
from mx_core.passport.entry import Entry, SignedEntry
from mx_core.passport.op import (
    Add,
    Extension,
    Kind,
    Op,
    Reason,
    Remove,
    Rotate,
)
from tests.support.passport_cases.forging import (
    Group,
    added,
    both_keys,
    genesis_body,
    signed_by,
    signed_genesis,
    spare_device,
)
from tests.support.people import NOW, key_of, make_person


def _size() -> Group:
    person = make_person()
    large = person.write(Extension(200, {0: bytes(900)}))
    yield "entry-over-1024-octets", [*person.entries, person.write(Extension(200, {0: bytes(950)}))]
    while True:
        state = person.state
        if state.chain_octets + len(large) > 36 * 1024:
            break
        person.entries.append(person.write(Extension(200, {0: bytes(900)})))
    yield "chain-over-36-kib", [*person.entries, person.write(Extension(200, {0: bytes(900)}))]
    person = make_person()
    for _ in range(7):
        person.add(Kind.LIMITED)
    ninth = spare_device()
    yield "nine-active-devices", [*person.entries, added(person, ninth)]


def _canonical() -> Group:
    person = make_person()
    good = person.entries[0]
    yield "octets-after-the-entry", [good + b"\x00"]
    yield "indefinite-array", [b"\x9f" + good[1:] + b"\xff"]
    yield "nothing", [b""]
    state = SignedEntry.decode(good)
    yield (
        "signatures-out-of-order",
        [SignedEntry(state.entry_octets, state.signatures[::-1]).octets],
    )
    long_form = state.entry_octets.replace(b"\x02\x00\x04", b"\x02\x18\x00\x04", 1)
    yield "number-in-long-form", [signed_genesis(person, long_form)]
    doubled = b"\xa6\x00\x01" + state.entry_octets[1:]
    yield "key-twice", [signed_genesis(person, doubled)]
    renewed = key_of("renewed")
    octets = Entry(
        1,
        NOW,
        person.first.id,
        (Rotate(bytes(renewed.verify_key)), Add(spare_device().device)),
        person.pid,
        person.state.head,
    ).encode()
    yield (
        "ops-out-of-order",
        [good, signed_by(octets, *both_keys(person), (2, renewed), (4, spare_device().key))],
    )


def _format() -> Group:
    person = make_person()
    fields = cbor.decode(SignedEntry.decode(person.entries[0]).entry_octets)
    assert isinstance(fields, dict)
    body = genesis_body(person)
    eight: list[cbor.Value] = [[2, {0: spare_device().device.value()}]] * 8
    changed: list[tuple[str, dict[int, cbor.Value]]] = [
        ("unknown-key", {**fields, 7: 0}),
        ("missing-key", {key: value for key, value in fields.items() if key != 4}),
        ("pid-and-prev-in-the-first-entry", {**fields, 1: bytes(32), 3: bytes(32)}),
        ("other-format-number", {**fields, 0: 2}),
        ("true-for-a-number", {**fields, 0: True}),
        ("time-as-text", {**fields, 4: "1700000000"}),
        ("short-device-id", {**fields, 5: bytes(15)}),
        ("no-ops", {**fields, 6: []}),
        ("nine-ops", {**fields, 6: [[1, body], *eight]}),
        ("op-zero", {**fields, 6: [[0, {}], [1, body]]}),
        ("op-without-body", {**fields, 6: [[1]]}),
        ("body-not-a-map", {**fields, 6: [[1, []]]}),
        ("ops-as-a-map", {**fields, 6: {0: 1}}),
        ("address-not-canonical", {**fields, 6: [[1, {**body, 2: "Alice@a.example"}]]}),
        ("address-with-a-tag", {**fields, 6: [[1, {**body, 2: "alice+tag@a.example"}]]}),
        ("address-as-octets", {**fields, 6: [[1, {**body, 2: b"alice@a.example"}]]}),
        ("address-too-long", {**fields, 6: [[1, {**body, 2: "a" * 65 + "@a.example"}]]}),
        ("key-of-31-octets", {**fields, 6: [[1, {**body, 0: bytes(31)}]]}),
        (
            "device-kind-three",
            {**fields, 6: [[1, {**body, 3: {0: bytes(16), 1: bytes(32), 2: 3}}]]},
        ),
        ("body-with-an-unknown-key", {**fields, 6: [[1, {**body, 4: 0}]]}),
    ]
    for name, value in changed:
        yield name, [signed_genesis(person, cbor.encode(value))]
    yield "entry-not-a-map", [signed_genesis(person, cbor.encode([]))]
    signed = cbor.decode(person.entries[0])
    assert isinstance(signed, list)
    yield "signed-entry-of-three", [cbor.encode([*signed, 0])]
    yield "signature-of-63-octets", [cbor.encode([signed[0], [[1, bytes(32), bytes(63)]]])]
    yield "signatures-not-a-list", [cbor.encode([signed[0], b""])]
    person.add(Kind.LIMITED)
    two = person.devices[1].id
    yield "retired-with-a-since", [*person.entries, person.write(Remove(two, Reason.RETIRED, NOW))]
    yield "stolen-without-a-since", [*person.entries, person.write(Remove(two, Reason.STOLEN))]
    later = cbor.decode(SignedEntry.decode(person.entries[1]).entry_octets)
    assert isinstance(later, dict)
    bare = cbor.encode({key: value for key, value in later.items() if key not in {1, 3}})
    yield (
        "later-entry-without-pid-and-prev",
        [person.entries[0], signed_by(bare, *both_keys(person))],
    )


def _seq() -> Group:
    person = make_person()
    yield "no-entries", []
    state = person.state
    gap = Entry(2, NOW, person.first.id, (Extension(128, {}),), state.pid, state.head).encode()
    yield "gap", [*person.entries, signed_by(gap, *both_keys(person))]
    yield "genesis-twice", [person.entries[0]] * 2
    person.rotate()
    yield "entry-twice", [*person.entries, person.entries[1]]
    yield "without-genesis", person.entries[1:]


def _prev_pid_time() -> Iterator[tuple[str, str, list[bytes]]]:
    person = make_person()
    state, by = person.state, person.first.id
    nothing: tuple[Op, ...] = (Extension(128, {}),)
    for failure, name, entry in (
        ("prev", "other-prev", Entry(1, NOW, by, nothing, state.pid, bytes(32))),
        ("pid", "other-pid", Entry(1, NOW, by, nothing, Pid(bytes(32)), state.head)),
        (
            "time",
            "older-than-the-entry-before",
            Entry(1, NOW - 1, by, nothing, state.pid, state.head),
        ),
    ):
        yield failure, name, [*person.entries, signed_by(entry.encode(), *both_keys(person))]
    stranger = make_person("mallory@a.example")
    stranger.rotate()
    yield "prev", "entry-of-another-passport", [*person.entries, stranger.entries[1]]


def _only(failure: str) -> Callable[[], Group]:
    def group() -> Group:
        for each, name, entries in _prev_pid_time():
            if each == failure:
                yield name, entries

    return group


SHAPE_GROUPS: dict[str, Callable[[], Group]] = {
    "size": _size,
    "canonical": _canonical,
    "format": _format,
    "seq": _seq,
    "prev": _only("prev"),
    "pid": _only("pid"),
    "time": _only("time"),
}
