"""Chains with what the recovery sheet is for, and with the profile: ops 5 to 9."""

from collections.abc import Iterator

from msgspec.structs import replace
from nacl.signing import SigningKey

from mx_core.model.address import Address
from mx_core.model.ids import DeviceId, Pid
from mx_core.passport import make
from mx_core.passport.op import (
    ChangeRecovery,
    Device,
    End,
    Extension,
    Kind,
    Move,
    Op,
    Profile,
    Recover,
    SetProfile,
)
from tests.support.passport_cases.forging import both_keys, signed_by
from tests.support.people import DAY, NOW, Person, key_of, make_person

Named = tuple[str, list[bytes], int]  # name, entries, now
ELSEWHERE = Address("alice", "b.example")
NEW = make.NewKeys(
    DeviceId(b"recovered device"), key_of("new device"), key_of("new id"), key_of("new sheet")
)
OTHER_SHEET = key_of("other sheet")


def sheet_op(person: Person, *ops: Op, roles: tuple[tuple[int, SigningKey], ...] = ()) -> bytes:
    """Return an entry by the first device, signed in the roles 1 and 3 and in those given."""
    entry = make.draft(person.state, person.first.id, ops, person.now)
    return signed_by(entry, *both_keys(person), *roles)


def recovery(person: Person, *ops: Op, kept: tuple[DeviceId, ...] = ()) -> bytes:
    """Return a recovering entry with any ops beside op 5, signed as a recovery is."""
    device = Device(NEW.device_id, bytes(NEW.device.verify_key), Kind.FULL)
    op = Recover(bytes(NEW.identity.verify_key), bytes(NEW.recovery.verify_key), device, kept)
    entry = make.draft(person.state, NEW.device_id, (op, *ops), person.now)
    return signed_by(
        entry, (2, NEW.identity), (3, NEW.device), (5, person.recovery), (6, NEW.recovery)
    )


def delayed(person: Person, key: SigningKey = OTHER_SHEET) -> None:
    person.entries.append(
        make.change_recovery(person.state, person.writer(), key, person.now, old=None)
    )


# ── chains that verify ───────────────────────────────────────────────────────────────
def good() -> Iterator[Named]:
    person = make_person()
    kept = person.add(Kind.LIMITED)
    person.add()
    recovered = make.recover(person.state, person.recovery, NEW, [kept.id], NOW)
    yield "recovered-with-the-sheet", [*person.entries, recovered], NOW
    moved = make.recover(person.state, person.recovery, NEW, [], NOW, address=ELSEWHERE)
    yield "recovered-and-moved", [*person.entries, moved], NOW
    person = make_person()
    profile = Profile(
        lookup_open=False,
        postage_bits=24,
        octets_max=1 << 20,
        receipts=True,
        suite_floor=2,
        pairs=(("a", "1"), ("b", "ü")),
    )
    person.entries.append(make.set_profile(person.state, person.writer(), profile, NOW))
    person.entries.append(make.set_profile(person.state, person.writer(), Profile(), NOW))
    yield "profile-set-and-lowered", list(person.entries), NOW
    person.entries.append(
        make.change_recovery(person.state, person.writer(), OTHER_SHEET, NOW, old=person.recovery)
    )
    ended = make.end(person.state, person.writer(), OTHER_SHEET, NOW, successor=Pid(bytes(32)))
    yield "ended-by-the-changed-sheet", [*person.entries, ended], NOW
    person = make_person()
    person.entries.append(make.move(person.state, person.writer(), ELSEWHERE, person.recovery, NOW))
    yield "moved", list(person.entries), NOW
    yield from _good_delayed()


def _good_delayed() -> Iterator[Named]:
    person = make_person()
    delayed(person)
    yield "delayed-sheet-waits", list(person.entries), NOW
    early = make.move(person.state, person.writer(), ELSEWHERE, person.recovery, NOW)
    yield "old-sheet-cancels-the-delayed-one", [*person.entries, early], NOW
    person.now = NOW + 30 * DAY
    late = make.move(person.state, person.writer(), ELSEWHERE, OTHER_SHEET, person.now)
    yield "delayed-sheet-counts-after-30-days", [*person.entries, late], person.now
    delayed(person, key_of("third sheet"))
    yield "the-next-delayed-sheet-after-the-first-counts", list(person.entries), person.now


# ── chains that do not ───────────────────────────────────────────────────────────────
def bad() -> Iterator[tuple[str, Named]]:
    for group in (_combinations, _ids, _roles, _shapes, _times):
        yield from group()


def _combinations() -> Iterator[tuple[str, Named]]:
    def refused(name: str, person: Person, entry: bytes) -> tuple[str, Named]:
        return "combination", (name, [*person.entries, entry], person.now)

    person = make_person()
    change = ChangeRecovery(bytes(OTHER_SHEET.verify_key), delayed=True)
    profile = SetProfile(Profile())
    yield refused("recover-with-a-profile", person, recovery(person, profile))
    yield refused("recover-with-an-extension", person, recovery(person, Extension(128, {})))
    yield refused("profile-twice", person, sheet_op(person, profile, profile))
    yield refused("end-with-a-profile", person, sheet_op(person, profile, End(0)))
    yield refused("delayed-sheet-with-a-move", person, sheet_op(person, change, Move(ELSEWHERE)))
    delayed(person)
    yield refused("second-delayed-sheet", person, sheet_op(person, change))


def _ids() -> Iterator[tuple[str, Named]]:
    person = make_person()
    unknown = recovery(person, kept=(DeviceId(bytes(16)),))
    yield "id", ("recover-keeps-an-unknown-device", [*person.entries, unknown], NOW)
    second = person.add(Kind.LIMITED)
    person.remove(second)
    gone = recovery(person, kept=(second.id,))
    yield "id", ("recover-keeps-a-removed-device", [*person.entries, gone], NOW)
    same = replace(NEW, device_id=person.first.id)
    again = make.recover(person.state, person.recovery, same, [], NOW)
    yield "id", ("recover-with-an-id-in-use", [*person.entries, again], NOW)
    limited = Device(NEW.device_id, bytes(NEW.device.verify_key), Kind.LIMITED)
    op = Recover(
        bytes(NEW.identity.verify_key), bytes(NEW.recovery.verify_key), limited, (person.first.id,)
    )
    entry = make.draft(person.state, NEW.device_id, [op], NOW)
    signed = signed_by(
        entry, (2, NEW.identity), (3, NEW.device), (5, person.recovery), (6, NEW.recovery)
    )
    yield "signer", ("recover-by-a-limited-device", [*person.entries, signed], NOW)
    reused = replace(NEW, recovery=person.recovery)
    old = make.recover(person.state, person.recovery, reused, [], NOW)
    yield "reused-key", ("recover-with-the-old-sheet", [*person.entries, old], NOW)
    delayed(person)
    pending = replace(NEW, recovery=OTHER_SHEET)
    twice = make.recover(person.state, person.recovery, pending, [], NOW)
    yield "reused-key", ("recover-with-a-pending-sheet", [*person.entries, twice], NOW)


def _roles() -> Iterator[tuple[str, Named]]:
    person = make_person()
    thief = key_of("thief")
    entries = person.entries
    stolen = make.recover(person.state, thief, NEW, [], NOW)
    yield "role-missing", ("recover-without-the-sheet", [*entries, stolen], NOW)
    move = make.move(person.state, person.writer(), ELSEWHERE, thief, NOW)
    yield "role-missing", ("move-by-a-stolen-device", [*entries, move], NOW)
    end = make.end(person.state, person.writer(), thief, NOW)
    yield "role-missing", ("end-by-a-stolen-device", [*entries, end], NOW)
    change = make.change_recovery(person.state, person.writer(), OTHER_SHEET, NOW, old=thief)
    yield "role-missing", ("sheet-changed-at-once-by-a-stolen-device", [*entries, change], NOW)
    op = ChangeRecovery(bytes(OTHER_SHEET.verify_key), delayed=True)
    alone = sheet_op(person, op)
    yield "role-missing", ("delayed-sheet-that-does-not-sign", [*entries, alone], NOW)
    both = sheet_op(person, op, roles=((5, person.recovery), (6, OTHER_SHEET)))
    yield "role-extra", ("delayed-sheet-signed-by-the-old-one", [*entries, both], NOW)
    device = Device(NEW.device_id, bytes(NEW.device.verify_key), Kind.FULL)
    recover = Recover(bytes(NEW.identity.verify_key), bytes(NEW.recovery.verify_key), device, ())
    entry = make.draft(person.state, NEW.device_id, [recover], NOW)
    with_old = signed_by(
        entry,
        *((1, person.identity), (2, NEW.identity), (3, NEW.device)),
        *((5, person.recovery), (6, NEW.recovery)),
    )
    yield "role-extra", ("recover-signed-by-the-old-identity", [*entries, with_old], NOW)


def _shapes() -> Iterator[tuple[str, Named]]:
    person = make_person()
    ids = (DeviceId(b"b" * 16), DeviceId(b"a" * 16))
    unsorted = recovery(person, kept=ids)
    yield "canonical", ("kept-devices-out-of-order", [*person.entries, unsorted], NOW)
    pairs = (("b", ""), ("a", ""))
    profile = person.write(SetProfile(Profile(pairs=pairs)))
    yield "canonical", ("pairs-out-of-order", [*person.entries, profile], NOW)
    long = person.write(SetProfile(Profile(pairs=(("a", "x" * 513),))))
    yield "format", ("pair-too-long", [*person.entries, long], NOW)
    floor = person.write(SetProfile(Profile(suite_floor=0)))
    yield "format", ("suite-floor-zero", [*person.entries, floor], NOW)
    tagged = person.write(Move(Address("alice+tag", "b.example")))
    yield "format", ("move-to-an-address-with-a-tag", [*person.entries, tagged], NOW)


def _times() -> Iterator[tuple[str, Named]]:
    person = make_person()
    delayed(person)
    person.now = NOW + 30 * DAY - 1
    early = make.move(person.state, person.writer(), ELSEWHERE, OTHER_SHEET, person.now)
    yield "role-missing", ("delayed-sheet-a-second-early", [*person.entries, early], person.now)
    person.now += 1
    old = make.move(person.state, person.writer(), ELSEWHERE, person.recovery, person.now)
    yield "role-missing", ("old-sheet-after-30-days", [*person.entries, old], person.now)
    person = make_person()
    person.entries.append(make.end(person.state, person.writer(), person.recovery, NOW))
    after = person.write(Extension(128, {}))
    yield "ended", ("entry-after-the-end", [*person.entries, after], NOW)
