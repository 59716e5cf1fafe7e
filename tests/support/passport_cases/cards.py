"""Cards for a sender, with what the check makes of them; claims and forks are of readers, too."""

from collections.abc import Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from mx_core.directory.reader_check import SenderClaim
from mx_core.model.address import Address
from mx_core.model.ids import DeviceId, Pid
from mx_core.notation import cbor
from mx_core.passport import make
from mx_core.passport.binding import Binding, attest
from mx_core.passport.card import Card
from mx_core.passport.op import Kind, Profile, Reason, Unsupported
from mx_core.trust.pin import Pin, Tier
from tests.support.people import DAY, NOW, Person, domain_key, domain_pk, key_of, make_person

ALICE = "alice@a.example"


@dataclass(frozen=True)
class CardCase:
    """A card, what its sender remembers, and the class that refuses it, or ""."""

    name: str
    card: bytes
    failure: str = ""
    asked: str = ALICE
    domain_keys: tuple[bytes, ...] = (domain_pk(),)
    pin: Pin | None = None
    now: int = NOW
    card_age: int = 0
    log_expected: bool = False


def claim_of(person: Person, device: DeviceId | None = None, created: int = NOW) -> SenderClaim:
    """Return what the person's mail says of its sender."""
    state = person.state
    return SenderClaim(
        person.address, state.pid, device or person.first.id, state.seq, state.head, created
    )


def forked() -> tuple[Person, Person]:
    """Return one person twice, with different second entries."""
    one, two = make_person(), make_person()
    one.rotate()
    two.now += 1
    two.rotate()
    return one, two


def verified(pin: Pin) -> Pin:
    return replace(pin, tier=Tier.VERIFIED)


def card_cases() -> Iterator[CardCase]:
    yield from _good_cards()
    yield from _misshapen_cards()
    yield from _unproved_cards()
    yield from _contradicting_cards()
    yield from _cards_with_the_sheet()


def _cards_with_the_sheet() -> Iterator[CardCase]:
    """Cards of people who moved, ended, or ask for a suite that their devices lack."""
    person = make_person()
    pin = person.pin()
    elsewhere = Address("alice", "b.example")
    person.entries.append(make.move(person.state, person.writer(), elsewhere, person.recovery, NOW))
    yield CardCase("moved-away", person.card(), "moved", pin=pin)
    unsaid = attest(domain_key(), Binding.of(person.state), NOW)
    claimed = replace(Card.decode(person.card()), attestation=unsaid)
    yield CardCase("moved-away-by-nobodys-word", claimed.encode(), "binding", pin=pin)
    there = (domain_pk("b.example"),)
    arrived = replace(
        Card.decode(person.card()),
        address=elsewhere,
        attestation=attest(domain_key("b.example"), Binding.of(person.state), NOW),
    )
    yield CardCase("moved-here", arrived.encode(), asked=str(elsewhere), domain_keys=there, pin=pin)
    ended = make_person()
    ended.entries.append(make.end(ended.state, ended.writer(), ended.recovery, NOW))
    yield CardCase("ended", ended.card(), "ended")
    strict = make_person()
    profile = Profile(suite_floor=2)
    strict.entries.append(make.set_profile(strict.state, strict.writer(), profile, NOW))
    yield CardCase("floor-above-the-suite-of-its-devices", strict.card(), "suite")


def _good_cards() -> Iterator[CardCase]:
    person = make_person()
    card, pin = person.card(), person.pin()
    yield CardCase("first-use", card)
    yield CardCase("asked-with-a-tag-and-capitals", card, asked="Alice+list@A.Example")
    yield CardCase("as-pinned", card, pin=pin)
    yield CardCase("two-domain-keys", card, domain_keys=(bytes(32), domain_pk()))
    asleep = NOW + 20 * DAY
    yield CardCase("epoch-past-its-time", person.card(issued=asleep), now=asleep)
    person.publish_epoch(person.add(Kind.LIMITED))
    person.publish_epoch(at=NOW + 5 * DAY)
    yield CardCase("device-added-since-the-pin", person.card(), pin=verified(pin))
    person.remove(person.devices[1], Reason.STOLEN, NOW)
    yield CardCase("stolen-device-of-an-implicit-contact", person.card(), pin=pin)


def _misshapen_cards() -> Iterator[CardCase]:
    person = make_person()
    octets = person.card()
    card, fields = Card.decode(octets), cbor.decode(octets)
    assert isinstance(fields, dict)
    yield CardCase("too-large", bytes(64 * 1024), "size")
    yield CardCase("octets-after-it", octets + b"\x00", "canonical")
    doubled = replace(card, epochs=card.epochs * 2)
    yield CardCase("epoch-twice", doubled.encode(), "canonical")
    person.publish_epoch()
    descending = replace(card, epochs=Card.decode(person.card()).epochs[::-1])
    yield CardCase("epochs-out-of-order", descending.encode(), "canonical")
    changed: list[tuple[str, dict[int, cbor.Value]]] = [
        ("without-an-attestation", {key: value for key, value in fields.items() if key != 4}),
        ("unknown-key", {**fields, 6: 0}),
        ("other-format-number", {**fields, 0: 2}),
        ("address-not-canonical", {**fields, 1: "ALICE@a.example"}),
        ("entries-not-a-list", {**fields, 2: b""}),
        ("epoch-not-a-pair", {**fields, 3: [[b""]]}),
        ("attestation-not-a-pair", {**fields, 4: b""}),
    ]
    for name, value in changed:
        yield CardCase(name, cbor.encode(value), "format")
    long_lived = attest(domain_key(), Binding.of(person.state), NOW, 31 * DAY)
    yield CardCase(
        "attestation-of-31-days", replace(card, attestation=long_lived).encode(), "format"
    )


def _unproved_cards() -> Iterator[CardCase]:
    person = make_person()
    card = Card.decode(person.card())
    bob = make_person("bob@a.example")
    broken = replace(card, entries=(card.entries[0], person.write(Unsupported(9, {}))))
    yield CardCase("chain-with-an-unknown-op", broken.encode(), "chain")
    yield CardCase("no-entries", replace(card, entries=()).encode(), "chain")
    yield CardCase("entry-misshapen", replace(card, entries=(b"\x80",)).encode(), "chain")
    yield CardCase("passport-of-somebody-else", bob.card(), "binding")
    renamed = replace(Card.decode(bob.card()), address=Address.parse(ALICE))
    yield CardCase("somebody-else-under-the-asked-name", renamed.encode(), "binding")
    for name, signer, keys in (
        ("attested-by-a-stranger", key_of("stranger"), (domain_pk(),)),
        ("domain-without-keys", domain_key(), ()),
    ):
        yield CardCase(name, person.card(signer), "attest-key", domain_keys=keys)
    pair = cbor.decode(card.attestation)
    assert isinstance(pair, list)
    unsigned = replace(card, attestation=cbor.encode([pair[0], bytes(64)]))
    yield CardCase("attestation-not-signed", unsigned.encode(), "attest-key")
    late = NOW + 30 * DAY + 1
    yield CardCase("attestation-run-out", person.card(), "attest-expired", now=late)
    ahead = person.card(issued=NOW + 601)
    yield CardCase("attestation-of-the-future", ahead, "attest-expired")
    before = Binding.of(person.state)
    person.rotate()
    stale = replace(Card.decode(person.card()), attestation=attest(domain_key(), before, NOW))
    yield CardCase("attestation-of-an-earlier-entry", stale.encode(), "binding")
    proved = replace(card, log_proof=cbor.encode({}))
    yield CardCase("with-a-log-proof", proved.encode(), "proof")
    yield CardCase("without-an-expected-log-proof", card.encode(), "proof", log_expected=True)


def _contradicting_cards() -> Iterator[CardCase]:
    person = make_person()
    old_card = person.card()
    other = replace(person.pin(), pid=Pid(bytes(32)))
    yield CardCase("another-pid-is-pinned", old_card, "other-pid", pin=other)
    one, two = forked()
    yield CardCase("older-than-the-pin", old_card, "rollback", pin=one.pin())
    yield CardCase("fork", two.card(), "fork", pin=one.pin(), now=NOW + 1)
    bare = make_person(epochs=0)
    yield CardCase("no-epochs", bare.card(), "no-epoch")
    bare.publish_epoch(at=NOW + 2 * DAY)
    yield CardCase("only-an-epoch-to-come", bare.card(), "no-epoch")
    asleep = NOW + 14 * DAY
    old = person.card(issued=asleep)
    yield CardCase("old-card-and-old-epoch", old, "no-epoch", now=asleep, card_age=DAY + 1)
    pin = verified(person.pin())
    lost = person.add(Kind.LIMITED)
    person.remove(lost, Reason.LOST, NOW)
    yield CardCase("lost-device-of-a-verified-contact", person.card(), "needs-consent", pin=pin)
    dropped = replace(person.pin(), tier=Tier.ENDORSED, highest_suite=2)
    yield CardCase("suite-dropped", person.card(), "needs-consent", pin=dropped)
