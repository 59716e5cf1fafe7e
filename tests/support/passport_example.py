"""The example of the passport and card pages, made from the seeds that the pages name."""

from nacl.public import PrivateKey
from nacl.signing import SigningKey

from mx_core.model.address import Address
from mx_core.model.ids import DeviceId
from mx_core.passport import make
from mx_core.passport.binding import Binding, attest
from mx_core.passport.card import Card
from mx_core.passport.chain import extend, verify_chain
from mx_core.passport.entry import SignedEntry
from mx_core.passport.epoch import new_epoch, sign_epoch
from mx_core.passport.op import Device, Kind, Reason
from mx_core.trust.pin import first_use

TIME = 1_700_000_000
ALICE = Address.parse("alice@a.example")
DEVICE_ID, JOINING_ID = DeviceId(b"\x04" * 16), DeviceId(b"\x0c" * 16)


def seed(octet: int) -> SigningKey:
    return SigningKey(bytes([octet]) * 32)


def passport_page() -> dict[str, bytes]:
    """Return what passport §1 shows in hex."""
    genesis = make.genesis(ALICE, seed(1), seed(2), seed(3), DEVICE_ID, TIME)
    state = verify_chain([genesis], now=TIME)
    pid, head = state.pid, state.head
    writer = make.Writer(DEVICE_ID, seed(3), seed(1))
    joining = Device(JOINING_ID, bytes(seed(11).verify_key), Kind.FULL)
    state = extend(state, make.add_device(state, writer, joining, seed(11), TIME + 60), TIME + 600)
    removal = make.remove_device(
        state,
        writer,
        JOINING_ID,
        Reason.STOLEN,
        TIME + 120,
        since=TIME + 100,
        new_identity=seed(13),
    )
    return {
        "entry 0": SignedEntry.decode(genesis).entry_octets,
        "pid": pid,
        "head": head,
        "signed entry 0": genesis,
        "entry 2": SignedEntry.decode(removal).entry_octets,
        "last head": extend(state, removal, TIME + 600).head,
    }


def card_page() -> dict[str, bytes]:
    """Return what card §1 and §6 show in hex."""
    state = verify_chain([passport_page()["signed entry 0"]], now=TIME)
    public = bytes(PrivateKey(b"\x07" * 32).public_key)
    return {
        "domain key": bytes(seed(6).verify_key),
        "binding": Binding.of(state).encode(),
        "attestation": attest(seed(6), Binding.of(state), TIME),
        "epoch": sign_epoch(seed(3), new_epoch(state.pid, DEVICE_ID, 1, public, TIME)),
        "pin": first_use(state, now=TIME).encode(),
    }


def card() -> Card:
    """Return the Card of the example."""
    parts = card_page()
    return Card(
        ALICE, (passport_page()["signed entry 0"],), (parts["epoch"],), parts["attestation"]
    )
