"""Chains that break a rule of who may write what: steps 2 to 4 of spec/passport §4."""

from collections.abc import Callable

from msgspec.structs import replace

from mx_core.model.ids import DeviceId
from mx_core.passport import make
from mx_core.passport.entry import Entry, RoleSignature, SignedEntry
from mx_core.passport.op import (
    Add,
    Device,
    Extension,
    Kind,
    Reason,
    Remove,
    Rotate,
    Unsupported,
)
from tests.support.passport_cases.forging import (
    Group,
    added,
    both_keys,
    genesis_op,
    signed_by,
    signed_genesis,
    spare_device,
)
from tests.support.people import NOW, OwnDevice, key_of, make_person

SMALL_ORDER = b"\x01" + bytes(31)  # the neutral element
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493


def _signer() -> Group:
    person = make_person()
    spare = spare_device()
    yield "unknown-device", [*person.entries, person.write(Extension(128, {}), by=spare)]
    other = Entry(0, NOW, spare.id, (genesis_op(person),)).encode()
    yield "genesis-by-another-device", [signed_genesis(person, other)]
    op = genesis_op(person)
    limited = replace(op, device=replace(op.device, kind=Kind.LIMITED))
    yield (
        "genesis-by-a-limited-device",
        [signed_genesis(person, Entry(0, NOW, person.first.id, (limited,)).encode())],
    )
    helper = person.add(Kind.LIMITED)
    yield "limited-device", [*person.entries, person.write(Extension(128, {}), by=helper)]
    second = person.add()
    person.remove(second)
    yield "removed-device", [*person.entries, person.write(Extension(128, {}), by=second)]


def _id() -> Group:
    person = make_person()
    spare = spare_device()
    again = OwnDevice(replace(spare.device, id=person.first.id), spare.key)
    yield "id-in-use", [*person.entries, added(person, again)]
    gone = DeviceId(bytes(16))
    yield (
        "remove-of-an-unknown-device",
        [*person.entries, person.write(Remove(gone, Reason.RETIRED))],
    )
    limited = person.add(Kind.LIMITED)
    removal = Remove(limited.id, Reason.RETIRED)
    yield "removed-twice-in-one-entry", [*person.entries, person.write(removal, removal)]
    both = make.draft(
        person.state, person.first.id, [Add(spare.device), Remove(spare.id, Reason.RETIRED)], NOW
    )
    yield (
        "added-and-removed-in-one-entry",
        [*person.entries, signed_by(both, *both_keys(person), (4, spare.key))],
    )
    person.remove(limited)
    yield "removed-twice", [*person.entries, person.write(removal)]
    back = OwnDevice(replace(spare.device, id=limited.id), spare.key)
    yield "id-of-a-removed-device", [*person.entries, added(person, back)]


def _combination() -> Group:
    person = make_person()
    op, spare = genesis_op(person), spare_device()
    yield "op-1-later", [*person.entries, person.write(genesis_op(make_person("x@a.example")))]
    for name, ops in (
        ("first-entry-without-op-1", (Add(person.first.device),)),
        ("op-1-twice", (op, op)),
        ("first-entry-with-a-removal", (op, Remove(person.first.id, Reason.RETIRED))),
        ("first-entry-with-a-rotation", (op, Rotate(bytes(spare.key.verify_key)))),
        ("first-entry-with-an-extension", (op, Extension(128, {}))),
    ):
        yield name, [signed_genesis(person, Entry(0, NOW, person.first.id, ops).encode())]
    one, two = key_of("one"), key_of("two")
    twice = make.draft(
        person.state,
        person.first.id,
        [Rotate(bytes(one.verify_key)), Rotate(bytes(two.verify_key))],
        NOW,
    )
    yield (
        "rotation-twice",
        [*person.entries, signed_by(twice, *both_keys(person), (2, one), (2, two))],
    )
    second = person.add()
    removal = person.write(Remove(second.id, Reason.RETIRED))
    yield "full-device-removed-without-rotation", [*person.entries, removal]


def _role_missing() -> Group:
    person = make_person()
    first = SignedEntry.decode(person.entries[0])
    for absent in first.signatures:
        rest = tuple(each for each in first.signatures if each != absent)
        yield f"genesis-without-role-{absent.role}", [SignedEntry(first.entry_octets, rest).octets]
    spare = spare_device()
    add = make.draft(person.state, person.first.id, [Add(spare.device)], NOW)
    yield "add-without-role-4", [*person.entries, signed_by(add, *both_keys(person))]
    wrong = ((1, key_of("wrong")), (3, person.first.key), (4, spare.key))
    yield "role-1-by-another-key", [*person.entries, signed_by(add, *wrong)]
    renewed = key_of("renewed")
    turn = make.draft(person.state, person.first.id, [Rotate(bytes(renewed.verify_key))], NOW)
    yield "rotation-without-the-new-key", [*person.entries, signed_by(turn, *both_keys(person))]
    alone = ((1, renewed), (2, renewed), (3, person.first.key))
    yield "rotation-without-the-old-key", [*person.entries, signed_by(turn, *alone)]
    old = person.identity
    person.rotate()
    late = make.draft(person.state, person.first.id, [Extension(128, {})], NOW)
    stale = ((1, old), (3, person.first.key))
    yield "role-1-by-the-key-before-the-rotation", [*person.entries, signed_by(late, *stale)]


def _role_extra() -> Group:
    person = make_person()
    entry = make.draft(person.state, person.first.id, [Extension(128, {})], NOW)
    yield (
        "role-5-unasked",
        [*person.entries, signed_by(entry, *both_keys(person), (5, person.recovery))],
    )
    yield "role-7", [*person.entries, signed_by(entry, *both_keys(person), (7, person.recovery))]
    yield (
        "role-1-twice",
        [*person.entries, signed_by(entry, *both_keys(person), (1, person.identity))],
    )
    yield (
        "role-1-by-two-keys",
        [*person.entries, signed_by(entry, *both_keys(person), (1, person.recovery))],
    )


def _bad_signature() -> Group:
    person = make_person()
    signed = SignedEntry.decode(person.entries[0])
    first, *rest = signed.signatures
    flipped = replace(first, signature=bytes([first.signature[0] ^ 1]) + first.signature[1:])
    yield "flipped-bit", [SignedEntry(signed.entry_octets, (flipped, *rest)).octets]
    scalar = int.from_bytes(first.signature[32:], "little") + GROUP_ORDER
    malleable = replace(first, signature=first.signature[:32] + scalar.to_bytes(32, "little"))
    yield "s-not-canonical", [SignedEntry(signed.entry_octets, (malleable, *rest)).octets]
    entry = make.draft(person.state, person.first.id, [Extension(128, {})], NOW)
    in_role_1 = make.sign_role(entry, 1, person.first.key)
    yield (
        "signed-in-another-role",
        [
            *person.entries,
            make.assemble(
                entry,
                [make.sign_role(entry, 1, person.identity), replace(in_role_1, role=3)],
            ),
        ],
    )
    weak = Device(spare_device().id, SMALL_ORDER, Kind.LIMITED)
    add = make.draft(person.state, person.first.id, [Add(weak)], NOW)
    forged = RoleSignature(4, SMALL_ORDER, SMALL_ORDER + bytes(32))
    yield (
        "key-of-small-order",
        [
            *person.entries,
            make.assemble(
                add, [*(make.sign_role(add, *each) for each in both_keys(person)), forged]
            ),
        ],
    )


def _reused_key() -> Group:
    person = make_person()
    same = make.genesis(
        person.address, person.identity, person.identity, person.first.key, person.first.id, NOW
    )
    yield "one-key-in-two-places", [same]
    spare = spare_device()
    for name, key in (
        ("device-key-of-another-device", person.first.key),
        ("recovery-key-as-device-key", person.recovery),
    ):
        device = OwnDevice(replace(spare.device, sign_pk=bytes(key.verify_key)), key)
        yield name, [*person.entries, added(person, device)]
    old = person.identity
    person.rotate()
    yield (
        "identity-key-of-the-past",
        [*person.entries, make.rotate_identity(person.state, person.writer(), old, NOW)],
    )
    both = make.draft(
        person.state, person.first.id, [Add(spare.device), Rotate(spare.device.sign_pk)], NOW
    )
    yield (
        "one-new-key-in-two-ops",
        [*person.entries, signed_by(both, *both_keys(person), (2, spare.key), (4, spare.key))],
    )


def _unknown_op() -> Group:
    for number in (10, 127):
        person = make_person()
        yield f"op-{number}", [*person.entries, person.write(Unsupported(number, {}))]
    person = make_person()
    entry = Entry(0, NOW, person.first.id, (genesis_op(person), Unsupported(11, {0: 1}))).encode()
    yield "genesis-with-an-unknown-op", [signed_genesis(person, entry)]


def _no_full_device() -> Group:
    person = make_person()
    person.add(Kind.LIMITED)
    yield (
        "the-last-full-device-removes-itself",
        [
            *person.entries,
            make.remove_device(
                person.state,
                person.writer(),
                person.first.id,
                Reason.RETIRED,
                NOW,
                new_identity=key_of("renewed"),
            ),
        ],
    )


RULE_GROUPS: dict[str, Callable[[], Group]] = {
    "signer": _signer,
    "id": _id,
    "combination": _combination,
    "role-missing": _role_missing,
    "role-extra": _role_extra,
    "bad-signature": _bad_signature,
    "reused-key": _reused_key,
    "unknown-op": _unknown_op,
    "no-full-device": _no_full_device,
}
