"""Entries that no honest device would write, signed all the same."""

from collections.abc import Iterator

from nacl.signing import SigningKey

from mx_core.model.ids import DeviceId
from mx_core.notation import cbor
from mx_core.passport import make
from mx_core.passport.chain import extend
from mx_core.passport.entry import Entry, SignedEntry
from mx_core.passport.op import (
    Device,
    Genesis,
    Kind,
    Op,
)
from tests.support.people import NOW, OwnDevice, Person, key_of, make_person

Group = Iterator[tuple[str, list[bytes]]]  # (name, entries)


def added(person: Person, device: OwnDevice) -> bytes:
    """Return the entry that adds *device*, without the factory's bookkeeping."""
    return make.add_device(person.state, person.writer(), device.device, device.key, person.now)


def genesis_with(op: Op, device: OwnDevice) -> bytes:
    """Return a first entry with a second op, which *device* signs in role 4."""
    person = make_person()
    entry = Entry(0, NOW, person.first.id, (genesis_op(person), op)).encode()
    signed = signed_by(
        entry,
        (1, person.identity),
        (3, person.first.key),
        (4, device.key),
        (5, person.recovery),
    )
    extend(None, signed, NOW)
    return signed


def spare_device() -> OwnDevice:
    key = key_of("spare")
    return OwnDevice(Device(DeviceId(b"spare device id."), bytes(key.verify_key), Kind.FULL), key)


def genesis_op(person: Person) -> Genesis:
    (op,) = SignedEntry.decode(person.entries[0]).entry.ops
    assert isinstance(op, Genesis)
    return op


def genesis_body(person: Person) -> dict[int, cbor.Value]:
    op = genesis_op(person)
    return {0: op.identity_pk, 1: op.recovery_pk, 2: str(op.address), 3: op.device.value()}


def both_keys(person: Person) -> tuple[tuple[int, SigningKey], tuple[int, SigningKey]]:
    return (1, person.identity), (3, person.first.key)


def signed_genesis(person: Person, entry: bytes) -> bytes:
    return signed_by(entry, *both_keys(person), (5, person.recovery))


def signed_by(entry: bytes, *signers: tuple[int, SigningKey]) -> bytes:
    return make.assemble(entry, [make.sign_role(entry, role, key) for role, key in signers])
