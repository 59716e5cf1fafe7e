"""Entries of one's own passport; the golden values of the design.  Spec/passport §1."""

from nacl.signing import SigningKey

from mx_core.model.address import Address
from mx_core.model.ids import DeviceId
from mx_core.notation.hashing import b2
from mx_core.passport import make
from mx_core.passport.binding import Binding
from mx_core.passport.chain import verify_chain
from mx_core.passport.entry import SignedEntry
from mx_core.passport.op import Add, Device, Kind
from tests.support.people import NOW, make_person

IDENTITY, RECOVERY, DEVICE = (SigningKey(bytes([n]) * 32) for n in (1, 2, 3))
ALICE = Address.parse("alice@a.example")
ENTRY_0 = bytes.fromhex(
    "a500010200041a6553f10005500404040404040404040404040404040406818201a40058208a88e3dd7409f195fd52db"
    "2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c0158208139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a2"
    "5df60f5b8fc9b394026f616c69636540612e6578616d706c6503a3005004040404040404040404040404040404015820"
    "ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d10202"
)
PID = "d03ed521e1b376057638a5abbcc2b7e2de57d007c0950d651552a375bca3eedb"
HEAD = "3afc0455ebbe7e79da9a18fd01c3823c089d7ab1c6c88420c40746603304e2ff"
COMMITMENT = "818cb0527556e4d9fac271c07d58b1a4c783cff4d4a16b1c7033324cb478d126"


def golden() -> bytes:
    return make.genesis(ALICE, IDENTITY, RECOVERY, DEVICE, DeviceId(b"\x04" * 16), 1_700_000_000)


def test_genesis_is_the_golden_entry_of_the_design() -> None:
    signed = SignedEntry.decode(golden())

    assert signed.entry_octets == ENTRY_0
    assert (len(ENTRY_0), len(golden())) == (178, 488)
    assert [each.role for each in signed.signatures] == [1, 3, 5]
    assert signed.signatures[0].signature.hex().startswith("46775432926cb5f5")


def test_the_golden_chain_has_the_golden_pid_head_and_commitment() -> None:
    state = verify_chain([golden()], now=1_700_000_000)
    binding = Binding.of(state).encode()

    assert (state.pid.hex(), state.head.hex()) == (PID, HEAD)
    assert len(binding) == 92
    assert b2("MX1.kt.commit", [binding], key=b"\x05" * 32).hex() == COMMITMENT


def test_genesis_folds_the_address() -> None:
    octets = make.genesis(
        Address.parse("Alice+x@A.example"), IDENTITY, RECOVERY, DEVICE, DeviceId(b"\x04" * 16), NOW
    )

    assert verify_chain([octets], now=NOW).address == ALICE


def test_an_entry_may_be_signed_on_two_devices() -> None:
    """Linking: the new device signs role 4, the old one the rest and puts them together."""
    person = make_person()
    key = SigningKey(b"\x09" * 32)
    device = Device(DeviceId(b"n" * 16), bytes(key.verify_key), Kind.FULL)

    entry = make.draft(person.state, person.first.id, [Add(device)], NOW)
    by_new = make.sign_role(entry, make.NEW_DEVICE, key)
    octets = make.assemble(
        entry,
        [
            by_new,
            make.sign_role(entry, make.BY, person.first.key),
            make.sign_role(entry, make.IDENTITY, person.identity),
        ],
    )

    assert device in verify_chain([*person.entries, octets], now=NOW).active


def test_a_clock_that_is_behind_the_last_entry_does_not_go_back() -> None:
    person = make_person()
    person.now -= 100
    octets = make.rotate_identity(
        verify_chain(person.entries, now=NOW), person.writer(), SigningKey(b"\x09" * 32), NOW - 100
    )

    assert verify_chain([*person.entries, octets], now=NOW).time == NOW
