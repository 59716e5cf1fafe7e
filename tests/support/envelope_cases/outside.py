"""Envelopes refused for their outside: layout, ``pub``, packets, commitment."""

from typing import Any

from mx_core.envelope.format import Envelope
from mx_core.model.octets import whole
from mx_core.notation import cbor
from tests.support.envelope import (
    epoch_secret,
)
from tests.support.envelope_cases.case import Case, flip_first
from tests.support.envelope_cases.good import packet_offset
from tests.support.forged_envelope import (
    drop,
    forged_body,
    forged_envelope,
    loosely,
    put,
    with_long_number,
)
from tests.support.octets import Octets, Splice, flipped, spliced


def outside_cases() -> list[Case]:
    """Return envelopes refused before anything of the control block is read."""
    body = forged_body()
    cases: list[Case] = []

    def add(name: str, says: str, outcome: str, envelope: bytes | Octets, **reader: Any) -> None:
        octets = envelope if isinstance(envelope, Octets) else Octets(envelope)
        cases.append(Case(name, says, outcome, octets, Octets(whole(body.octets)), **reader))

    def forge(**edits: Any) -> bytes:
        return forged_envelope(body, seed=b"bad %d" % len(cases), **edits)

    honest = forge()
    # ── the outside
    add("empty", "no octets", "magic", b"")
    add("magic-of-a-body", "MXB1 in front", "magic", forge(magic=b"MXB1"))
    add("magic-flipped", "first octet", "magic", flipped(honest, 0))
    add(
        "over-64-kib",
        "one octet more than an envelope may have",
        "size",
        spliced(honest, Splice(len(honest), insert=b"\0", times=65_537 - len(honest))),
    )
    add("magic-alone", "nothing follows the magic", "canonical", b"MXE1")
    add(
        "cut", "the last octet is missing", "canonical", spliced(honest, Splice(len(honest) - 1, 1))
    )
    add(
        "appended",
        "an octet follows",
        "canonical",
        spliced(honest, Splice(len(honest), insert=b"\0")),
    )
    add("outer-key-3", "one key more", "format", forge(outer=put(k3=b"")))
    add("outer-no-control", "one key fewer", "format", forge(outer=drop(2)))
    add("outer-array", "no map at all", "format", forge(outer=lambda value: list(value.values())))
    add(
        "outer-not-ascending",
        "keys 2, 1, 0",
        "canonical",
        forge(outer=reversed_keys, encode_outer=loosely),
    )
    add("outer-indefinite", "an indefinite array", "canonical", _indefinite_packets(honest))
    add(
        "outer-null",
        "null for control",
        "canonical",
        forge(outer=put(k2=None), encode_outer=loosely),
    )
    add("outer-float", "a float key", "canonical", forge(outer=_with_float, encode_outer=loosely))
    add("control-text", "text for octets", "format", forge(outer=put(k2="text")))
    # ── pub
    add(
        "pub-a-map",
        "pub not wrapped in a byte string",
        "format",
        forge(outer=lambda value: {**value, 0: cbor.decode(value[0])}),
    )
    add("version-0", "no such version", "version", forge(public=put(k0=0)))
    add(
        "version-2",
        "a later version, whatever else it holds",
        "version",
        forge(public=put(k0=2, k9=b"")),
    )
    add("version-text", "a version that is no number", "format", forge(public=put(k0="1")))
    add("version-true", "true is not 1", "format", forge(public=put(k0=True)))
    add("suite-3", "no such suite yet", "suite", forge(public=put(k1=3)))
    add("suite-0", "no such suite", "suite", forge(public=put(k1=0)))
    add("pub-key-4", "one key more", "format", forge(public=put(k4=0)))
    add("pub-no-salt", "one key fewer", "format", forge(public=drop(2)))
    add(
        "pub-short-salt",
        "31 octets",
        "format",
        forge(public=lambda value: {**value, 2: value[2][:31]}),
    )
    add(
        "pub-long-number",
        "version spelled 18 01",
        "canonical",
        forge(encode_public=lambda value: with_long_number(cbor.encode(value))),
    )
    # ── packets
    for count in (1, 3, 5, 7, 12, 32):
        add(
            f"{count}-packets",
            "a count that no writer makes",
            "format",
            forge(dummies=count - 1),
        )
    add("no-packets", "an empty list", "format", forge(packets=lambda _: []))
    add(
        "packets-unsorted",
        "in descending order",
        "format",
        forge(packets=lambda made: sorted(made)[::-1]),
    )
    add(
        "packet-doubled",
        "the same packet twice",
        "format",
        forge(packets=lambda made: sorted([*made[:3], made[0]])),
    )
    add(
        "packet-short",
        "111 octets",
        "format",
        forge(packets=lambda made: sorted([*made[:3], made[3][:111]])),
    )
    add("wrong-device", "another device's key", "no-packet", honest, epochs=(epoch_secret(77),))
    add(
        "wrong-epoch",
        "a later key of the same device",
        "no-packet",
        honest,
        epochs=(epoch_secret(1, 2),),
    )
    add("no-keys", "a device without live keys", "no-packet", honest, epochs=())
    add(
        "fifth-key",
        "five keys given; only the newest four are tried",
        "no-packet",
        honest,
        epochs=tuple(epoch_secret(1, n) for n in range(1, 6)),
    )
    mine = packet_offset(honest, mine=True)
    add("packet-flipped", "last octet of the own packet", "no-packet", flipped(honest, mine + 111))
    add(
        "low-order-ephemeral",
        "an ephemeral key of zeros",
        "no-packet",
        forge(packets=lambda made: sorted([bytes(32) + made[0][32:], *made[1:]])),
    )
    # ── context and commitment
    salt_at, commit_at = _public_offsets(honest)
    add("salt-flipped", "pub no longer gives ctx", "context", flipped(honest, salt_at))
    add("commitment-flipped", "pub no longer gives ctx", "context", flipped(honest, commit_at))
    add(
        "packet-of-another-envelope",
        "a packet for me, taken from elsewhere",
        "context",
        forge(packet=lambda secret: secret[:32] + bytes(32)),
    )
    add(
        "commitment-of-another-key",
        "in pub from the start",
        "envelope-commitment",
        forge(commit=flip_first),
    )
    add(
        "packet-with-another-key",
        "right ctx, other env_key: two readers, two texts",
        "envelope-commitment",
        forge(packet=lambda secret: bytes(32) + secret[32:]),
    )
    return cases


def reversed_keys(value: dict[int, Any]) -> dict[int, Any]:
    return dict(reversed(value.items()))


def _with_float(value: dict[int, Any]) -> dict[Any, Any]:
    return {**value, 3.5: b""}


def _public_offsets(envelope: bytes) -> tuple[int, int]:
    """Return where salt and commitment of ``pub`` begin."""
    _, public = Envelope.decode(envelope)
    return envelope.index(public.salt), envelope.index(public.commitment)


def _indefinite_packets(envelope: bytes) -> bytes:
    outer, _ = Envelope.decode(envelope)
    listed = cbor.encode(list(outer.packets))
    assert listed[:1] == b"\x84"
    return envelope.replace(listed, b"\x9f" + listed[1:] + b"\xff")
