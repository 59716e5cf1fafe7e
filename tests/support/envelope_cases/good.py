"""Envelopes and bodies that every reader must open."""

from typing import Any

from mx_core.envelope.format import Envelope, context
from mx_core.envelope.seal import SealedBody, seal_body
from mx_core.model.octets import whole
from tests.support.envelope import (
    BOB,
    CAROL,
    CAROL_PID,
    DOOR_KEY,
    MESSAGE,
    alice,
    device_key,
    entropy_of,
    epoch_secret,
    mail,
)
from tests.support.envelope_cases.case import DOOR_PK, OPENED, Case
from tests.support.forged_envelope import (
    as_door,
    forged_body,
    forged_envelope,
    put,
)
from tests.support.octets import Octets, flipped


def good_cases() -> list[Case]:
    """Return what every reader must open."""
    cases: list[Case] = []

    def add(name: str, says: str, envelope: bytes, body: SealedBody, **reader: Any) -> None:
        cases.append(
            Case(name, says, OPENED, Octets(envelope), Octets(whole(body.octets)), **reader)
        )

    for count, place in ((1, 0), (3, 1), (5, 2), (8, 7)):
        secrets = [epoch_secret(20 + device) for device in range(count)]
        sent = mail(secrets=secrets, seed=b"devices %d" % count)
        add(
            f"{count}-devices",
            f"sealed to {count} device(s); read by number {place + 1}",
            sent.envelope,
            sent.body,
            epochs=(secrets[place],),
        )
    live = tuple(epoch_secret(1, n) for n in (4, 5, 6, 7))
    sent = mail(secrets=[live[0]], seed=b"oldest")
    add(
        "oldest-live-epoch",
        "four live keys; the oldest opens",
        sent.envelope,
        sent.body,
        epochs=live,
    )
    for length in (0, 1, 2047, 2048, 65_535, 65_536, 131_071):
        sent = mail(
            b"0123456789abcdef" * (length // 16) + b"x" * (length % 16), seed=b"%d" % length
        )
        add(
            f"message-of-{length}-octets",
            "a length at a boundary of padding or chunks",
            sent.envelope,
            sent.body,
        )
    sent = mail(b"ends like a pad \x80\0\0\0", seed=b"pad")
    add("message-that-ends-like-a-pad", "only the last mark is the pad", sent.envelope, sent.body)
    for name, proof, ext in (
        ("proof", b"a card", b""),
        ("ext", None, b"\xa0"),
        ("proof-and-ext", b"a card" * 400, b"\xa0"),
    ):
        sent = mail(sender=alice(proof), ext=ext, seed=name.encode())
        add(f"with-{name}", "control keys 3 and 4 as said", sent.envelope, sent.body)
    shared = seal_body(MESSAGE, entropy_of(b"shared"))
    add("to", "To and Cc share a body", forged_envelope(shared, seed=b"to"), shared)
    add(
        "cc",
        "the other envelope of that body",
        forged_envelope(
            shared,
            statement=put(k4=CAROL_PID, k0=b"n" * 16),
            to=(device_key(CAROL).x25519,),
            seed=b"cc",
        ),
        shared,
        epochs=(CAROL,),
        my_pid=CAROL_PID,
    )
    hidden = mail(secrets=[CAROL], recipient=CAROL_PID, seed=b"bcc")
    add(
        "bcc",
        "the same message with a body of its own",
        hidden.envelope,
        hidden.body,
        epochs=(CAROL,),
        my_pid=CAROL_PID,
    )
    body = forged_body()
    for name, kind in (("control", 2), ("receipt", 3)):
        add(f"kind-{name}", f"S.15 is {kind}", forged_envelope(body, statement=put(k15=kind)), body)
    add(
        "kind-door",
        "what the door of the own home domain sealed",
        forged_envelope(body, statement=as_door, key=DOOR_KEY, use="door"),
        body,
        sign_pk=DOOR_PK,
    )
    add(
        "sender-outside-ascii",
        "a local part in UTF-8, NFC",
        forged_envelope(body, statement=put(k1="zoë@a.example")),
        body,
    )
    add(
        "largest-numbers",
        "created after deliver_by, seq 2^64-1: a device judges neither",
        forged_envelope(body, statement=put(k5=2**64 - 1, k6=0, k13=2**64 - 1)),
        body,
    )
    sent = mail(seed=b"foreign")
    foreign = packet_offset(sent.envelope, mine=False)
    cases.append(
        Case(
            "foreign-packet-altered",
            "a packet for nobody here was altered and is still in order: same message",
            OPENED,
            flipped(sent.envelope, foreign + 111),
            Octets(whole(sent.body.octets)),
        )
    )
    return cases


def packet_offset(envelope: bytes, *, mine: bool) -> int:
    """Return where a packet begins that BOB can open, or the last one that he cannot."""
    outer, public = Envelope.decode(envelope)
    ctx = context(outer.public)
    opened = {packet: BOB.opened(packet, ctx, public.suite) for packet in outer.packets}
    packet = [packet for packet, inside in opened.items() if (inside is not None) is mine][-1]
    return envelope.index(packet)
