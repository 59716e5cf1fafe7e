"""Envelopes refused for their inside: control block, statement, signature, recipient."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace
from nacl.bindings import crypto_box_seal

from mx_core.envelope.format import SUITE_1, Envelope
from mx_core.envelope.open import open_control
from mx_core.envelope.padding import CONTROL_FLOOR
from mx_core.envelope.seal import SealedBody
from mx_core.model.octets import whole
from mx_core.notation import cbor
from tests.support.envelope import (
    BOB,
    BOB_PID,
    CAROL,
    CAROL_PID,
    DOOR_KEY,
    DOOR_RECORD,
    device_key,
)
from tests.support.envelope_cases.case import DOOR_PK, Case, flip_first
from tests.support.envelope_cases.outside import reversed_keys
from tests.support.forged_envelope import (
    as_door,
    drop,
    forged_body,
    forged_envelope,
    loosely,
    put,
)
from tests.support.octets import Octets, flipped

ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493


def inside_cases() -> list[Case]:
    """Return envelopes refused for what is sealed in them, or for whom."""
    body = forged_body()
    cases: list[Case] = []

    def add(name: str, says: str, outcome: str, envelope: bytes | Octets, **reader: Any) -> None:
        octets = envelope if isinstance(envelope, Octets) else Octets(envelope)
        cases.append(Case(name, says, outcome, octets, Octets(whole(body.octets)), **reader))

    def forge(**edits: Any) -> bytes:
        return forged_envelope(body, seed=b"bad %d" % len(cases), **edits)

    honest = forge()
    # ── control
    add("control-flipped", "its last octet", "control", flipped(honest, -1))
    add("control-tag-flipped", "its authenticator", "control", forge(seal_control=flip_first))
    add("control-empty", "no octets", "control", forge(outer=put(k2=b"")))
    add(
        "control-cut", "16 octets fewer", "control", forge(seal_control=lambda sealed: sealed[:-16])
    )
    add(
        "control-unpadded",
        "no mark",
        "padding",
        forge(pad=lambda plain: plain.ljust(CONTROL_FLOOR, b"\0")),
    )
    add("control-zero", "zeros alone", "padding", forge(pad=lambda _: bytes(CONTROL_FLOOR)))
    add(
        "control-tight",
        "mark, but not the Padmé length",
        "padding",
        forge(pad=lambda plain: plain + b"\x80"),
    )
    add(
        "control-wide",
        "one octet more than Padmé",
        "padding",
        forge(pad=lambda plain: (plain + b"\x80").ljust(CONTROL_FLOOR + 1, b"\0")),
    )
    add("control-key-5", "one key more", "format", forge(control=put(k5=b"x")))
    add("control-no-signature", "one key fewer", "format", forge(control=drop(1)))
    add(
        "statement-a-map",
        "S not wrapped in a byte string",
        "format",
        forge(control=lambda value: {**value, 0: cbor.decode(value[0])}),
    )
    add("signature-short", "63 octets", "format", forge(signature=lambda octets: octets[:63]))
    add(
        "body-key-long",
        "33 octets",
        "format",
        forge(control=lambda value: {**value, 2: value[2] + b"x"}),
    )
    add(
        "control-not-ascending",
        "keys 2, 1, 0",
        "canonical",
        forge(control=reversed_keys, encode_control=loosely),
    )
    add(
        "control-tagged",
        "a tag in front",
        "canonical",
        forge(encode_control=lambda value: b"\xc6" + cbor.encode(value)),
    )
    add("proof-empty", "present, of length 0", "format", forge(proof=b""))
    add("ext-empty", "present, of length 0", "format", forge(ext=b""))
    add("proof-text", "text for octets", "format", forge(control=put(k3="card")))
    add(
        "door-with-proof",
        "a door has no card",
        "format",
        forge(statement=as_door, key=DOOR_KEY, use="door", proof=b"card"),
        sign_pk=DOOR_PK,
    )
    # ── the statement
    add("s-key-18", "one key more", "format", forge(statement=put(k18=0)))
    for key in (0, 2, 9, 14, 16):
        add(f"s-no-key-{key}", "one key fewer", "format", forge(statement=drop(key)))
    add(
        "s-person-with-door-record",
        "key 17 in kind 1",
        "format",
        forge(statement=put(k17=DOOR_RECORD.to_value())),
    )
    add(
        "s-door-with-pid",
        "key 2 in kind 4",
        "format",
        forge(statement=_edits(as_door, put(k2=BOB_PID))),
    )
    add(
        "s-door-with-sender",
        "S.1 of a door is empty",
        "format",
        forge(statement=_edits(as_door, put(k1="alice@a.example"))),
    )
    add(
        "s-door-record-key-10",
        "one key more",
        "format",
        forge(statement=_edits(as_door, _door_record(put(k10=0)))),
    )
    add(
        "s-door-dkim-triple",
        "not pairs",
        "format",
        forge(statement=_edits(as_door, _door_record(put(k7=[["a", "b", "c"]])))),
    )
    add(
        "s-door-tls-number",
        "1 is not true",
        "format",
        forge(statement=_edits(as_door, _door_record(put(k5=1)))),
    )
    add("s-kind-0", "no such kind", "kind", forge(statement=put(k15=0)))
    add("s-kind-5", "a kind of a later version", "kind", forge(statement=put(k15=5)))
    add("s-kind-true", "true is not 1", "format", forge(statement=put(k15=True)))
    add(
        "s-sender-capitals", "Alice@a.example", "format", forge(statement=put(k1="Alice@a.example"))
    )
    add(
        "s-sender-tagged",
        "alice+tag@a.example",
        "format",
        forge(statement=put(k1="alice+tag@a.example")),
    )
    add("s-sender-nowhere", "no @", "format", forge(statement=put(k1="alice")))
    add("s-sender-empty", "only a door is nobody", "format", forge(statement=put(k1="")))
    add(
        "s-sender-not-nfc",
        "e and a combining mark",
        "canonical",
        forge(statement=put(k1="zoe\u0308@a.example"), encode_statement=loosely),
    )
    add("s-msg-id-short", "15 octets", "format", forge(statement=put(k0=b"m" * 15)))
    add("s-recipient-long", "33 octets", "format", forge(statement=put(k4=b"B" * 33)))
    add(
        "s-created-negative",
        "-1",
        "canonical",
        forge(statement=put(k5=-1), encode_statement=loosely),
    )
    add(
        "s-created-bignum",
        "2^64",
        "canonical",
        forge(statement=put(k5=2**64), encode_statement=loosely),
    )
    add("s-created-true", "true is no time", "format", forge(statement=put(k5=True)))
    add(
        "s-long-number",
        "the kind spelled 18 01",
        "canonical",
        forge(encode_statement=_with_long_kind),
    )
    add("s-suite-2", "signed for another suite", "context", forge(statement=put(k11=2)))
    add(
        "s-other-context",
        "signed for another envelope",
        "context",
        forge(statement=put(k12=bytes(32))),
    )
    # ── proof and ext
    add(
        "proof-swapped",
        "another card than was signed",
        "proof-hash",
        forge(proof=b"card", control=put(k3=b"card of mallory")),
    )
    add(
        "proof-removed",
        "signed with, sent without",
        "proof-hash",
        forge(proof=b"card", control=drop(3)),
    )
    add("ext-added", "signed without, sent with", "proof-hash", forge(control=put(k4=b"\xa0")))
    add(
        "proof-and-ext-shifted",
        "the border between them moved",
        "proof-hash",
        forge(proof=b"card", ext=b"ext", control=put(k3=b"carde", k4=b"xt")),
    )
    # ── signature
    add("signature-flipped", "one bit of R", "signature", forge(signature=flip_first))
    add("signature-malleable", "S + L", "signature", forge(signature=_plus_order))
    add("signature-of-another-key", "not the device of the proof", "signature", forge(key=DOOR_KEY))
    for use in ("receipt", "door", "journal", "client-auth", "passport.3", ""):
        add(
            f"signature-for-use-{use or 'nothing'}",
            "a signature the device gave for another use",
            "signature",
            forge(use=use),
        )
    add(
        "door-signature-for-use-message",
        "kind 4 under `message`",
        "signature",
        forge(statement=as_door, key=DOOR_KEY),
        sign_pk=DOOR_PK,
    )
    add(
        "signer-of-low-order",
        "a public key under which anything verifies",
        "signature",
        forge(signature=lambda _: b"\1" + bytes(63)),
        sign_pk=b"\1" + bytes(31),
    )
    # ── recipient
    add(
        "wrong-recipient",
        "sealed to my device, signed for carol",
        "recipient",
        forge(statement=put(k4=CAROL_PID)),
    )
    add(
        "rewrapped",
        "bob seals the same envelope key to carol",
        "recipient",
        _rewrapped(honest),
        epochs=(CAROL,),
        my_pid=CAROL_PID,
    )
    add(
        "rewrapped-anew",
        "bob puts alice's signed statement into an envelope of his own",
        "context",
        _rewrapped_anew(honest, body),
        epochs=(CAROL,),
        my_pid=CAROL_PID,
    )
    return cases


def _edits(*edits: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def all_of(value: Any) -> Any:
        for edit in edits:
            value = edit(value)
        return value

    return all_of


def _door_record(edit: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: {**value, 17: edit(value[17])}


def _with_long_kind(value: dict[int, Any]) -> bytes:
    octets = cbor.encode(value)
    at = octets.rindex(b"\x0f\x01\x10")
    return octets[:at] + b"\x0f\x18\x01" + octets[at + 2 :]


def _plus_order(signature: bytes) -> bytes:
    scalar = int.from_bytes(signature[32:], "little") + ED25519_ORDER
    return signature[:32] + scalar.to_bytes(32, "little")


def _rewrapped(envelope: bytes) -> bytes:
    """Do what bob can do: seal the envelope key that he was given to carol."""
    outer, _ = Envelope.decode(envelope)
    secret = next(
        opened
        for packet in outer.packets
        if (opened := BOB.opened(packet, b"", SUITE_1)) is not None
    )
    foreign = [packet for packet in outer.packets if BOB.opened(packet, b"", SUITE_1) is None]
    again = crypto_box_seal(secret, device_key(CAROL).x25519)
    return replace(outer, packets=tuple(sorted([*foreign, again]))).encode()


def _rewrapped_anew(envelope: bytes, body: SealedBody) -> bytes:
    """Put alice's statement and signature, untouched, into a control block under a new key."""
    opened = open_control(envelope, [BOB])
    return forged_envelope(
        body,
        control=lambda value: {**value, 0: opened.statement_octets, 1: opened.signature},
        to=(device_key(CAROL).x25519,),
        seed=b"anew",
    )
