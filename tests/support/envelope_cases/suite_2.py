"""Envelopes of suite 2: packets to X-Wing keys."""

from typing import Any

from mx_core.envelope.format import SUITE_1, SUITE_2, Envelope, context
from mx_core.model.octets import whole
from tests.support.envelope import epoch_secret, mail, xwing_secret
from tests.support.envelope_cases.case import OPENED, Case
from tests.support.forged_envelope import forged_body, forged_envelope, put
from tests.support.octets import Octets, flipped

BOTH = epoch_secret(1, suite=SUITE_2)


def suite_2_cases() -> list[Case]:
    """Return what opens in suite 2, and what a reader refuses there."""
    cases: list[Case] = []
    body = forged_body()

    def add(name: str, says: str, outcome: str, envelope: Octets, **reader: Any) -> None:
        cases.append(
            Case(
                name,
                says,
                outcome,
                envelope,
                Octets(whole(body.octets)),
                **{"epochs": (BOTH,), **reader},
            )
        )

    def forge(**edits: Any) -> bytes:
        return forged_envelope(
            body,
            suite=SUITE_2,
            to=(xwing_secret(BOTH).public,),
            seed=b"suite 2 %d" % len(cases),
            **edits,
        )

    for count, place in ((1, 0), (3, 2), (5, 0)):
        secrets = [epoch_secret(20 + device, suite=SUITE_2) for device in range(count)]
        sent = mail(secrets=secrets, seed=b"suite 2, %d" % count, suite=SUITE_2)
        cases.append(
            Case(
                f"suite-2-{count}-devices",
                f"sealed to {count} device(s); read by number {place + 1}",
                OPENED,
                Octets(sent.envelope),
                Octets(whole(sent.body.octets)),
                epochs=(secrets[place],),
            )
        )
    honest = forge()
    newer = epoch_secret(1, 2)
    add(
        "suite-2-beside-a-key-of-suite-1",
        "the newer key has none",
        OPENED,
        Octets(honest),
        epochs=(newer, BOTH),
    )
    add(
        "suite-1-to-a-device-of-suite-2",
        "its X25519 key is taken",
        OPENED,
        Octets(forged_envelope(body, seed=b"down")),
    )
    add(
        "suite-2-without-the-key",
        "the reader holds its X25519 key only",
        "no-packet",
        Octets(honest),
        epochs=(epoch_secret(1),),
    )
    add(
        "suite-2-packets-of-suite-1",
        "112 octets each",
        "format",
        Octets(forged_envelope(body, public=put(k1=SUITE_2))),
    )
    add(
        "suite-1-packets-of-suite-2",
        "1200 octets each",
        "format",
        Octets(forge(public=put(k1=SUITE_1))),
    )
    add(
        "suite-2-s-suite-1",
        "signed for the other suite",
        "context",
        Octets(forge(statement=put(k11=SUITE_1))),
    )
    add(
        "suite-2-other-info",
        "sealed with another envelope's context",
        "no-packet",
        Octets(forge(info=b"MX1.packet" + bytes(32))),
    )
    add(
        "suite-2-other-context",
        "the right info, another context inside",
        "context",
        Octets(forge(packet=lambda inside: inside[:32] + bytes(32))),
    )
    mine = forge(dummies=3)
    at = packet_at(mine)
    add(
        "suite-2-packet-altered",
        "in the ciphertext of ML-KEM",
        "no-packet",
        flipped(mine, at + 900),
    )
    add(
        "suite-2-tag-altered", "the last octet of the packet", "no-packet", flipped(mine, at + 1199)
    )
    return cases


def packet_at(envelope: bytes) -> int:
    """Return where the packet begins that BOTH can open."""
    outer, public = Envelope.decode(envelope)
    ctx = context(outer.public)
    [packet] = [p for p in outer.packets if BOTH.opened(p, ctx, public.suite) is not None]
    return envelope.index(packet)
