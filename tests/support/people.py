"""People with all their keys: passports, epochs and cards made from a name and nothing else.

Everything is derived from the address, so two runs (and two processes) make the same person.
"""

import hashlib
from dataclasses import dataclass, field

from nacl.public import PrivateKey
from nacl.signing import SigningKey

from mx_core.model.address import Address
from mx_core.model.ids import DeviceId, Pid
from mx_core.passport import make
from mx_core.passport.binding import Binding, attest
from mx_core.passport.card import Card
from mx_core.passport.chain import verify_chain
from mx_core.passport.entry import SignedEntry, encode_chain
from mx_core.passport.epoch import new_epoch, sign_epoch
from mx_core.passport.op import Device, Kind, Op, Reason
from mx_core.passport.state import State
from mx_core.trust.pin import Pin, first_use

NOW = 1_700_000_000
DAY = 86_400


def key_of(*labels: object) -> SigningKey:
    """Return the Ed25519 key that the labels name."""
    return SigningKey(hashlib.sha256(repr(labels).encode()).digest())


def domain_key(domain: str = "a.example") -> SigningKey:
    return key_of("domain", domain)


def domain_pk(domain: str = "a.example") -> bytes:
    return bytes(domain_key(domain).verify_key)


@dataclass
class OwnDevice:
    """A device with its secret keys; `epochs` are (n, private key, SignedEpoch), oldest first."""

    device: Device
    key: SigningKey
    epochs: list[tuple[int, PrivateKey, bytes]] = field(default_factory=list)

    @property
    def id(self) -> DeviceId:
        return self.device.id


@dataclass
class Person:
    """Somebody with a passport; each method acts as their devices would."""

    address: Address
    identity: SigningKey
    recovery: SigningKey
    devices: list[OwnDevice]
    entries: list[bytes]
    now: int = NOW

    @property
    def state(self) -> State:
        return verify_chain(self.entries, now=self.now)

    @property
    def pid(self) -> Pid:
        return self.state.pid

    @property
    def chain(self) -> bytes:
        return encode_chain([SignedEntry.decode(entry) for entry in self.entries])

    @property
    def first(self) -> OwnDevice:
        return self.devices[0]

    def writer(self, device: OwnDevice | None = None) -> make.Writer:
        by = device or self.first
        return make.Writer(by.id, by.key, self.identity)

    def add(self, kind: Kind = Kind.FULL, by: OwnDevice | None = None) -> OwnDevice:
        """Add one more device, without an epoch yet."""
        added = _device(self.address, len(self.devices) + 1, kind)
        self.entries.append(
            make.add_device(self.state, self.writer(by), added.device, added.key, self.now)
        )
        self.devices.append(added)
        return added

    def remove(
        self,
        device: OwnDevice,
        reason: Reason = Reason.RETIRED,
        since: int | None = None,
        by: OwnDevice | None = None,
    ) -> None:
        """Remove a device; the identity key rotates if it was a full one."""
        rotates = device.device.kind is Kind.FULL
        renewed = self._next_identity() if rotates else None
        self.entries.append(
            make.remove_device(
                self.state,
                self.writer(by),
                device.id,
                reason,
                self.now,
                since=since,
                new_identity=renewed,
            )
        )
        self.identity = renewed or self.identity

    def rotate(self, by: OwnDevice | None = None) -> None:
        """Replace the identity key."""
        renewed = self._next_identity()
        self.entries.append(make.rotate_identity(self.state, self.writer(by), renewed, self.now))
        self.identity = renewed

    def write(self, *ops: Op, by: OwnDevice | None = None) -> bytes:
        """Return an entry of any ops, signed in the roles 1 and 3 only, and not appended."""
        writer = self.writer(by)
        entry = make.draft(self.state, writer.device_id, ops, self.now)
        return make.assemble(
            entry,
            [
                make.sign_role(entry, make.IDENTITY, writer.identity_key),
                make.sign_role(entry, make.BY, writer.device_key),
            ],
        )

    def publish_epoch(self, device: OwnDevice | None = None, at: int | None = None) -> bytes:
        """Make the next epoch of *device* as of *at*; return the SignedEpoch."""
        owner = device or self.first
        n = len(owner.epochs) + 1
        private = PrivateKey(
            hashlib.sha256(repr((str(self.address), owner.id, n)).encode()).digest()
        )
        at = self.now if at is None else at
        epoch = new_epoch(self.state.pid, owner.id, n, bytes(private.public_key), at)
        owner.epochs.append((n, private, sign_epoch(owner.key, epoch)))
        return owner.epochs[-1][2]

    def card(self, signer: SigningKey | None = None, issued: int | None = None) -> bytes:
        """Return the Card that the person's domain would give out."""
        state = self.state
        owners = sorted(self.devices, key=lambda each: each.id)
        attestation = attest(
            signer or domain_key(self.address.domain),
            Binding.of(state, self.address),  # of one who moved: the old domain says it
            self.now if issued is None else issued,
        )
        return Card(
            address=self.address,
            entries=tuple(self.entries),
            epochs=tuple(signed for owner in owners for _, _, signed in owner.epochs),
            attestation=attestation,
        ).encode()

    def proof(self) -> bytes:
        """Return the Card without epochs, as it is stapled to an envelope."""
        return Card.decode(self.card()).without_epochs().encode()

    def pin(self) -> Pin:
        """Return the pin of somebody who sees this person now for the first time."""
        return first_use(self.state, now=self.now)

    def _next_identity(self) -> SigningKey:
        return key_of("identity", str(self.address), len(self.entries))


def make_person(address: str = "alice@a.example", *, now: int = NOW, epochs: int = 1) -> Person:
    """Return a person with one full device, which has published *epochs* epochs."""
    name = Address.parse(address).canonical()
    identity, recovery = key_of("identity", address, 0), key_of("recovery", address)
    first = _device(name, 1, Kind.FULL)
    entry = make.genesis(name, identity, recovery, first.key, first.id, now)
    person = Person(name, identity, recovery, [first], [entry], now)
    for _ in range(epochs):
        person.publish_epoch()
    return person


def _device(address: Address, number: int, kind: Kind) -> OwnDevice:
    key = key_of("device", str(address), number)
    name = hashlib.sha256(f"{address} {number}".encode()).digest()[:16]
    return OwnDevice(Device(DeviceId(name), bytes(key.verify_key), kind), key)
