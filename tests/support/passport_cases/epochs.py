"""Epoch statements beside the chain they should belong to, with what the check makes of them."""

from collections.abc import Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from mx_core.model.ids import DeviceId, Pid
from mx_core.notation import cbor
from mx_core.notation.signing import Use, sign
from mx_core.notation.xwing import XWingSecret
from mx_core.passport.epoch import Epoch, sign_epoch
from mx_core.passport.op import Kind
from tests.support.passport_cases.chain_rules import SMALL_ORDER
from tests.support.people import DAY, NOW, make_person


@dataclass(frozen=True)
class EpochCase:
    """A SignedEpoch beside the chain that it should belong to."""

    name: str
    chain: tuple[bytes, ...]
    epoch: bytes
    failure: str = ""


def epoch_cases() -> Iterator[EpochCase]:
    person = make_person()
    helper = person.add(Kind.LIMITED)
    chain = tuple(person.entries)
    good = Epoch(person.pid, person.first.id, 1, bytes([9]) + bytes(31), NOW)
    suite_2 = replace(good, xwing=XWingSecret(bytes(32)).public)
    device_key = person.first.key

    def case(name: str, epoch: bytes, failure: str = "") -> EpochCase:
        return EpochCase(name, chain, epoch, failure)

    def raw(value: cbor.Value) -> bytes:
        octets = cbor.encode(value)
        return cbor.encode([octets, sign(device_key, Use.EPOCH, octets)])

    yield case("suite-1", sign_epoch(device_key, good))
    yield case("suite-2", sign_epoch(device_key, suite_2))
    yield case("of-a-limited-device", sign_epoch(helper.key, replace(good, device_id=helper.id)))
    yield case("octets-after-it", sign_epoch(device_key, good) + b"\x00", "canonical")
    fields = cbor.decode(good.encode())
    assert isinstance(fields, dict)
    changed: list[tuple[str, dict[int, cbor.Value]]] = [
        ("n-of-zero", {**fields, 3: 0}),
        ("fifteen-days", {**fields, 7: NOW + 15 * DAY}),
        ("short-x25519", {**fields, 4: bytes(31)}),
        ("short-xwing", {**fields, 5: bytes(1215)}),
        ("xwing-not-reduced", {**fields, 5: b"\xff" * 1184 + bytes([9]) + bytes(31)}),
        ("xwing-of-small-order", {**fields, 5: XWingSecret(bytes(32)).public[:-32] + bytes(32)}),
        ("unknown-key", {**fields, 8: 0}),
        ("missing-key", {key: value for key, value in fields.items() if key != 6}),
        ("other-format-number", {**fields, 0: 2}),
        ("x25519-of-small-order", {**fields, 4: SMALL_ORDER}),
    ]
    for name, value in changed:
        yield case(name, raw(value), "format")
    other = replace(good, pid=Pid(bytes(32)))
    yield case("of-another-passport", sign_epoch(device_key, other), "pid")
    unknown = replace(good, device_id=DeviceId(bytes(16)))
    yield case("of-an-unknown-device", sign_epoch(device_key, unknown), "signer")
    yield case("signed-by-another-device", sign_epoch(helper.key, good), "bad-signature")
    person.remove(helper)
    late = sign_epoch(helper.key, replace(good, device_id=helper.id))
    yield EpochCase("of-a-removed-device", tuple(person.entries), late, "signer")
