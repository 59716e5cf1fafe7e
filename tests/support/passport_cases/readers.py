"""Proofs for a reader, and what was remembered without one, with what the check makes of a sender."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from mx_core.directory.reader_check import SenderClaim
from mx_core.model.ids import DeviceId, Pid
from mx_core.notation import cbor
from mx_core.passport.card import Card
from mx_core.passport.entry import SignedEntry
from mx_core.passport.op import Kind, Reason
from mx_core.trust.pin import Pin
from tests.support.passport_cases.cards import claim_of, forked, verified
from tests.support.people import DAY, NOW, domain_pk, make_person


@dataclass(frozen=True)
class ReaderCase:
    """A claim with or without its proof, what the reader remembers, and the verdict's trust."""

    name: str
    proof: bytes | None
    claim: SenderClaim
    failure: str = ""
    trust: str = ""
    domain_keys: tuple[bytes, ...] = (domain_pk(),)
    pin: Pin | None = None
    known_chain: bytes = b""
    now: int = NOW + 60
    log_expected: bool = False


def reader_cases() -> Iterator[ReaderCase]:
    yield from _believed_senders()
    yield from _doubted_senders()
    yield from _refused_senders()


def _believed_senders() -> Iterator[ReaderCase]:
    person = make_person()
    proof, claim = person.proof(), claim_of(person)
    pin, chain = person.pin(), person.chain
    yield ReaderCase("first-mail", proof, claim, trust="first")
    yield ReaderCase("as-pinned", proof, claim, trust="implicit", pin=pin)
    yield ReaderCase("verified", proof, claim, trust="verified", pin=verified(pin))
    yield ReaderCase(
        "proof-left-out", None, claim, trust="implicit", pin=pin, known_chain=chain, domain_keys=()
    )
    late = NOW + 90 * DAY
    yield ReaderCase("delivered-long-after-sealing", proof, claim, trust="first", now=late)
    helper = person.add(Kind.LIMITED)
    in_flight_proof, in_flight = person.proof(), claim_of(person, helper.id)
    yield ReaderCase("device-added", in_flight_proof, in_flight, trust="implicit", pin=pin)
    person.remove(helper)
    newer: dict[str, Any] = {"pin": person.pin(), "known_chain": person.chain}
    for name, stapled in (("proof", in_flight_proof), ("memory", None)):
        yield ReaderCase(
            f"retired-in-flight-by-{name}", stapled, in_flight, trust="implicit", **newer
        )
        yield ReaderCase(
            f"retired-long-ago-by-{name}",
            stapled,
            in_flight,
            trust="removed-device",
            now=NOW + 6 * DAY + 1,
            **newer,
        )


def _doubted_senders() -> Iterator[ReaderCase]:
    person = make_person()
    old_proof, old_claim, old_pin = person.proof(), claim_of(person), person.pin()
    stranger = replace(old_pin, pid=Pid(bytes(32)))
    yield ReaderCase("another-pid-is-pinned", old_proof, old_claim, trust="held", pin=stranger)
    one, two = forked()
    yield ReaderCase("fork", two.proof(), claim_of(two), trust="held", pin=one.pin())
    yield ReaderCase("older-and-no-chain-kept", old_proof, old_claim, trust="held", pin=one.pin())
    two.rotate()
    yield ReaderCase(
        "older-and-contradicting",
        one.proof(),
        claim_of(one),
        trust="held",
        pin=two.pin(),
        known_chain=two.chain,
    )
    helper = person.add(Kind.LIMITED)
    stolen_claim, stolen_proof = claim_of(person, helper.id), person.proof()
    person.remove(helper, Reason.STOLEN, NOW - DAY)
    yield ReaderCase(
        "stolen-device-writes",
        stolen_proof,
        stolen_claim,
        trust="removed-device",
        pin=person.pin(),
        known_chain=person.chain,
    )
    theft = person.proof(), claim_of(person)
    yield ReaderCase("theft-told-by-an-implicit-contact", *theft, trust="implicit", pin=old_pin)
    yield ReaderCase(
        "theft-told-by-a-verified-contact", *theft, trust="held", pin=verified(old_pin)
    )


def _refused_senders() -> Iterator[ReaderCase]:
    person = make_person()
    proof, claim = person.proof(), claim_of(person)
    pin, chain = person.pin(), person.chain
    yield ReaderCase("proof-is-nothing", b"", claim, "canonical")
    yield ReaderCase("proof-with-epochs", person.card(), claim, "format")
    card = Card.decode(proof)
    signed = SignedEntry.decode(card.entries[0])
    fewer = SignedEntry(signed.entry_octets, signed.signatures[1:]).octets
    yield ReaderCase("chain", replace(card, entries=(fewer,)).encode(), claim, "chain")
    bob = make_person("bob@a.example")
    yield ReaderCase("proof-of-somebody-else", bob.proof(), claim, "binding")
    for name, other in (
        ("other-pid-claimed", replace(claim, pid=Pid(bytes(32)))),
        ("other-head-claimed", replace(claim, head=bytes(32))),
        ("later-seq-claimed", replace(claim, seq=1)),
    ):
        yield ReaderCase(name, proof, other, "binding")
    yield ReaderCase("keys-of-the-domain-unknown", proof, claim, "attest-key", domain_keys=())
    late = replace(claim, created=NOW + 30 * DAY + 1)
    yield ReaderCase(
        "made-after-the-attestation-ran-out", proof, late, "attest-expired", now=late.created
    )
    logged = replace(card, log_proof=cbor.encode({})).encode()
    yield ReaderCase("with-a-log-proof", logged, claim, "proof")
    yield ReaderCase("log-proof-expected", proof, claim, "proof", log_expected=True)
    stranger = replace(claim, device_id=DeviceId(bytes(16)))
    yield ReaderCase("unknown-device", proof, stranger, "device")
    remembered: dict[str, Any] = {"pin": pin, "known_chain": chain}
    yield ReaderCase("unknown-device-by-memory", None, stranger, "device", **remembered)
    yield ReaderCase("no-proof-and-no-pin", None, claim, "no-proof")
    yield ReaderCase("no-proof-and-no-chain", None, claim, "no-proof", pin=pin)
    other = replace(claim, pid=bob.pid)
    yield ReaderCase("no-proof-for-another-pid", None, other, "no-proof", **remembered)
    yield ReaderCase(
        "no-proof-for-another-name",
        None,
        replace(claim, address=bob.address),
        "no-proof",
        **remembered,
    )
    newer = replace(claim, seq=1)
    yield ReaderCase("no-proof-for-a-newer-entry", None, newer, "no-proof", **remembered)
    yield ReaderCase("fork-by-memory", None, replace(claim, head=bytes(32)), "fork", **remembered)
    helper = person.add(Kind.LIMITED)
    person.remove(helper)
    gone = claim_of(person, helper.id)
    yield ReaderCase("device-that-its-own-proof-removes", person.proof(), gone, "device")
    early = claim_of(make_person(), helper.id)
    yield ReaderCase(
        "device-before-it-was-added",
        make_person().proof(),
        early,
        "device",
        pin=person.pin(),
        known_chain=person.chain,
    )
