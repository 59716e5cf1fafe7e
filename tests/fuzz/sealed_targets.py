"""What the network brings: sealed or signed, so an altered octet must never be believed."""

from __future__ import annotations

from base64 import b64encode
from ssl import DER_cert_to_PEM_cert

from google.protobuf.message import DecodeError
from msgspec.structs import replace

from mx_core.directory.reader_check import verify_sender
from mx_core.directory.sender_check import verify_card
from mx_core.discovery.document import (
    DomainKey,
    KeyState,
    RoleKey,
    ServerDocument,
    SignedDocument,
    sign_document,
    sign_roll,
    verify_document,
)
from mx_core.discovery.document import decode as decode_document
from mx_core.discovery.endpoint import Endpoint
from mx_core.discovery.txt import TxtRecord, key_text, parse_records, render_record
from mx_core.discovery.well_known import parse_answer
from mx_core.envelope.failure import EnvelopeFailure
from mx_core.envelope.format import BodyHead, Control, Envelope
from mx_core.envelope.open import OpenedControl
from mx_core.envelope.padding import CONTROL_FLOOR, content_length, padding
from mx_core.envelope.statement import Statement
from mx_core.federation.batch import sign_batch, verify_batch
from mx_core.homeserver.mailboxes.accept import Sizes, judge
from mx_core.model.address import Address
from mx_core.model.errors import NoUsableEpoch, StoreDamaged, Untrusted
from mx_core.notation import cbor
from mx_core.passport.chain import verify_chain
from mx_core.passport.entry import decode_chain
from mx_core.passport.op import Kind
from mx_core.proto.federation_pb2 import ACCEPTED, Batch, BlobRef, Item
from mx_core.tls.leaf import make_leaf, spki_hash
from mx_core.tls.peer import examine
from mx_core.trust.pin import Pin
from tests.fuzz.hammer import Target
from tests.support import envelope
from tests.support.certificates import key_of, pk_of
from tests.support.envelope_cases.case import Case
from tests.support.envelope_vectors import load
from tests.support.passport_cases.cards import claim_of
from tests.support.people import NOW, Person, domain_pk, make_person

# ── envelopes ────────────────────────────────────────────────────────────────────────
_CLASSES = {failure.value for failure in EnvelopeFailure}
_CASES = [
    case
    for case, _ in load("good")
    if case.name in {"1-devices", "3-devices", "with-proof-and-ext", "kind-control"}
]
_ENVELOPES = [case.envelope.value for case in _CASES]
_BODIES = [case.body.value for case in _CASES]


def _documented(error: Untrusted) -> None:
    assert error.failure in _CLASSES


def _read(case: Case, sealed: bytes, body: bytes) -> tuple[OpenedControl, bytes]:
    return envelope.read(sealed, body, case.epochs, sign_pk=case.sign_pk, my_pid=case.my_pid)


_OPENED = [_read(case, case.envelope.value, case.body.value) for case in _CASES]


def _envelope(octets: bytes) -> None:
    """Packets for other devices are not ours to judge; all else is as it was sealed."""
    for case, (opened, message) in zip(_CASES, _OPENED, strict=True):
        try:
            found, read = _read(case, octets, case.body.value)
        except Untrusted as error:
            _documented(error)
            continue
        assert read == message
        for name in ("statement_octets", "signature", "proof", "ext"):
            assert getattr(found, name) == getattr(opened, name)
        theirs, ours = (Envelope.decode(each)[0] for each in (octets, case.envelope.value))
        assert (theirs.public, theirs.control) == (ours.public, ours.control)


def _body(octets: bytes) -> None:
    for case in _CASES:
        try:
            _read(case, case.envelope.value, octets)
        except Untrusted as error:
            _documented(error)
        else:
            assert octets == case.body.value


ENVELOPES = Target("envelope", _ENVELOPES, _envelope)
BODIES = Target("body", _BODIES, _body)

# What only a sender with a valid seal can send: the room behind the first door.
_DOOR = envelope.mail(sender=envelope.door())
_STATEMENTS = [
    *(opened.statement_octets for opened, _ in _OPENED),
    envelope.read(_DOOR.envelope, _DOOR.body.octets, sign_pk=bytes(envelope.DOOR_KEY.verify_key))[
        0
    ].statement_octets,
]
_CONTROLS = [
    Control(
        opened.statement_octets,
        opened.signature,
        opened.body_key.reveal(),
        opened.proof,
        opened.ext,
    ).encode()
    for opened, _ in _OPENED
]


def _inside(octets: bytes) -> None:
    for read in (Control.decode, Statement.decode, BodyHead.decode, Envelope.decode):
        try:
            found = read(octets)
        except Untrusted as error:
            _documented(error)
        else:
            if isinstance(found, Control | Statement):
                assert found.encode() == octets  # one value has one encoding
    try:
        length = content_length(octets, CONTROL_FLOOR)
    except Untrusted as error:
        _documented(error)
    else:
        assert octets == octets[:length] + padding(length, CONTROL_FLOOR)


INSIDE = Target("inside-an-envelope", [*_STATEMENTS, *_CONTROLS, *_BODIES], _inside)

# ── CBOR ─────────────────────────────────────────────────────────────────────────────
_VALUES = [
    cbor.encode({0: 1, 1: "zoë@a.example", 2: [b"x" * 40, True, {1: 2**63}], 7: [[[[]]]]}),
    *_STATEMENTS,
    *_CONTROLS,
]


def _cbor(octets: bytes) -> None:
    assert cbor.encode(cbor.decode(octets)) == octets


CBOR = Target("cbor", _VALUES, _cbor, (Untrusted,))


# ── passports and cards ──────────────────────────────────────────────────────────────
def _people() -> list[Person]:
    changed = make_person()
    second = changed.add(Kind.FULL)
    changed.publish_epoch()
    changed.remove(second)
    changed.rotate()
    return [make_person(), changed, make_person("bob@b.example")]


_PEOPLE = _people()
_HEADS = {
    verify_chain(person.entries[:count], now=NOW).head
    for person in _PEOPLE
    for count in range(1, len(person.entries) + 1)
}
_EPOCH_KEYS = {
    bytes(private.public_key)
    for person in _PEOPLE
    for device in person.devices
    for _, private, _ in device.epochs
}


def _chain(octets: bytes) -> None:
    """A chain may be cut between entries; every state it leads to was signed."""
    state = verify_chain(decode_chain(octets), now=NOW)
    assert state.head in _HEADS


CHAINS = Target("passport-chain", [p.chain for p in _PEOPLE], _chain, (Untrusted,))

_ASKED = Address.parse("alice@a.example")


def _card(octets: bytes) -> None:
    found = verify_card(octets, asked=_ASKED, domain_keys=[domain_pk()], pin=None, now=NOW)
    assert found.state.head in _HEADS
    assert {device.x25519 for device in found.devices} <= _EPOCH_KEYS


CARDS = Target("card", [p.card() for p in _PEOPLE], _card, (Untrusted, NoUsableEpoch))

_CLAIM = claim_of(_PEOPLE[0])


def _proof(octets: bytes) -> None:
    found = verify_sender(octets, _CLAIM, domain_keys=[domain_pk()], pin=None, now=NOW)
    assert found.sign_pk == _PEOPLE[0].first.device.sign_pk


PROOFS = Target("proof", [p.proof() for p in _PEOPLE], _proof, (Untrusted,))


def _pin(octets: bytes) -> None:
    assert Pin.decode(octets).encode() == octets


PINS = Target("pin", [p.pin().encode() for p in _PEOPLE], _pin, (StoreDamaged,))

# ── domains ──────────────────────────────────────────────────────────────────────────
_DOCUMENT = ServerDocument(
    domain="a.test",
    created=NOW - 60,
    expires=NOW + 86_400,
    keys=(
        DomainKey(KeyState.ACTIVE, pk_of("a.test"), NOW - 9, NOW + 86_400),
        DomainKey(KeyState.NEXT, pk_of("new.test"), NOW, NOW + 86_400),
    ),
    hello=Endpoint("mx.a.test", 8443),
    federation=Endpoint("mx.a.test", 8444),
    client=Endpoint("2001:db8::1", 8445),
    role_keys=(RoleKey("door", b"d" * 32, NOW, NOW + 9),),
    rolls=(sign_roll("a.test", key_of("old.test"), pk_of("a.test")),),
)
_SIGNED = [
    b"".join(sign_document(document, key_of("a.test")))
    for document in (_DOCUMENT, replace(_DOCUMENT, rolls=(), role_keys=()))
]


def _document(octets: bytes) -> None:
    signed = SignedDocument(octets[:-64], octets[-64:])
    verify_document(signed, domain="a.test", keys=[pk_of("a.test")], now=NOW)
    assert octets in _SIGNED


DOCUMENTS = Target("server-document", _SIGNED, _document, (Untrusted,))


def _document_inside(octets: bytes) -> None:
    assert decode_document(octets).encode() == octets


DOCUMENTS_INSIDE = Target(
    "inside-a-document", [signed[:-64] for signed in _SIGNED], _document_inside, (Untrusted,)
)

_WELL_KNOWN = [
    b'{"doc": "%b", "sig": "%b", "more": [1, -2.5e3, "\\u00e9\\"", null, {"a": true}]}'
    % (b64encode(signed[:-64]), b64encode(signed[-64:]))
    for signed in _SIGNED
]
WELL_KNOWN = Target("well-known", _WELL_KNOWN, parse_answer, (Untrusted,))

_RECORDS = [
    render_record(TxtRecord((pk_of("a.test"), pk_of("new.test")), Endpoint("mx.a.test", 443))),
    render_record(TxtRecord((pk_of("a.test"),), Endpoint("2001:db8::1", 8443))),
    f"v=mailx1;k={key_text(pk_of('a.test')).rstrip('=')};e=https://192.0.2.1:8443; x=y",
]


def _record(octets: bytes) -> None:
    text = octets.decode("latin-1")
    found = parse_records([text, "v=spf1 -all"])
    if found is not None:
        assert parse_records([render_record(found)]) == found


RECORDS = Target("txt-record", [text.encode() for text in _RECORDS], _record, (Untrusted,))

_LEAVES = [make_leaf(domain, key_of(domain), NOW).der for domain in ("a.test", "b.test")]


def _leaf(octets: bytes) -> None:
    peer = examine(DER_cert_to_PEM_cert(octets).encode(), lambda domain: [pk_of(domain)] * 2, NOW)
    assert peer.domain in {"a.test", "b.test"}
    assert any(peer.spki_hash == spki_hash(leaf) for leaf in _LEAVES)


LEAVES = Target("leaf", _LEAVES, _leaf, (Untrusted,))

# ── items and batches ────────────────────────────────────────────────────────────────
_ITEMS = [
    Item(
        route="zoë@b.test".encode(),
        envelope=_ENVELOPES[0],
        body=_BODIES[0],
        deliver_by=NOW + 500,
        token=b"t" * 24,
    ),
    Item(
        route=b"eve@b.test",
        envelope=_ENVELOPES[1],
        body_ref=BlobRef(id=b"i" * 32, size=9_000),
        deliver_by=NOW + 5,
        postage=b"p",
    ),
]
_BATCHES = [
    sign_batch(
        key_of("a.test"),
        items,
        sender="a.test",
        receiver="b.test",
        batch_id=bytes([len(items)]) * 16,
        created=NOW,
    )
    for items in (_ITEMS, _ITEMS[:1])
]
_SIZES = Sizes(envelope=8_192, inline_body=8_192, blob=10_000)


def _item(octets: bytes) -> None:
    """As the listener does: protobuf, then the verdict on what stands outside."""
    judged = judge(Item.FromString(octets), sizes=_SIZES, now=NOW)
    if judged.status == ACCEPTED:
        assert judged.recipient is not None
        assert judged.recipient == judged.recipient.canonical()


def _batch(octets: bytes) -> None:
    """A field that is not known may be added; what is signed may not be touched."""
    batch = Batch.FromString(octets)
    verify_batch(batch, sender="a.test", receiver="b.test", keys=[pk_of("a.test")], now=NOW)
    batch.DiscardUnknownFields()
    assert batch in _BATCHES


ITEMS = Target("item", [i.SerializeToString() for i in _ITEMS], _item, (DecodeError,))
BATCHES = Target(
    "batch", [b.SerializeToString() for b in _BATCHES], _batch, (DecodeError, Untrusted)
)

TARGETS = (
    *(ENVELOPES, BODIES, INSIDE, CBOR, CHAINS, CARDS, PROOFS, PINS),
    *(DOCUMENTS, DOCUMENTS_INSIDE, WELL_KNOWN, RECORDS, LEAVES, ITEMS, BATCHES),
)
