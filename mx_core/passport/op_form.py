"""The octets of ops: number and body map to values, and back.  Spec/passport §3.

Knows shapes only; what is wrong in a shape is `format`, and what is out of order `canonical`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mx_core.model.errors import Untrusted
from mx_core.model.ids import DeviceId, Pid
from mx_core.notation import cbor
from mx_core.notation.hashing import DIGEST_OCTETS
from mx_core.notation.signing import PUBLIC_KEY_OCTETS
from mx_core.passport import op as ops
from mx_core.passport.op import (
    DEVICE_ID_OCTETS,
    EXTENSION_FIRST,
    Add,
    ChangeRecovery,
    Device,
    End,
    Extension,
    Genesis,
    Move,
    Op,
    Profile,
    Reason,
    Recover,
    Remove,
    Rotate,
    SetProfile,
    Unsupported,
    number_of,
)
from mx_core.passport.shape import Fields, array, misshapen, octets, uint

_OPEN, _CLOSED = 1, 2
_TEXT_OCTETS_MAX: Final = 512


def op_value(op: Op) -> cbor.Value:
    """Return [number, body]."""
    return [number_of(op), _body(op)]


def read_op(value: cbor.Value) -> Op:
    """Return the op that *value* spells; raises Untrusted(`format`, `canonical`)."""
    pair = array(value, "an op", 2)
    number, body = uint(pair[0], "an op number", ops.GENESIS), pair[1]
    if not isinstance(body, dict):
        raise misshapen("the body of an op is not a map")
    read = _READERS.get(number)
    if read is not None:
        return read(body)
    return Extension(number, body) if number >= EXTENSION_FIRST else Unsupported(number, body)


# ── octets to values ─────────────────────────────────────────────────────────────────
def _read_genesis(body: cbor.Value) -> Genesis:
    fields = Fields(body, "op 1", range(4))
    return Genesis(
        fields.octets(0, PUBLIC_KEY_OCTETS),
        fields.octets(1, PUBLIC_KEY_OCTETS),
        fields.address(2),
        Device.read(fields.value(3)),
    )


def _read_add(body: cbor.Value) -> Add:
    return Add(Device.read(Fields(body, "op 2", (0,)).value(0)))


def _read_remove(body: cbor.Value) -> Remove:
    fields = Fields(body, "op 3", (0, 1), (2,))
    device_id = DeviceId(fields.octets(0, DEVICE_ID_OCTETS))
    reason = Reason(fields.uint(1, Reason.RETIRED, Reason.STOLEN))
    if fields.has(2) == (reason is Reason.RETIRED):
        raise misshapen("op 3 says since when, exactly if the device was lost or stolen")
    return Remove(device_id, reason, fields.uint(2) if fields.has(2) else None)


def _read_rotate(body: cbor.Value) -> Rotate:
    return Rotate(Fields(body, "op 4", (0,)).octets(0, PUBLIC_KEY_OCTETS))


def _read_recover(body: cbor.Value) -> Recover:
    fields = Fields(body, "op 5", range(4))
    kept = [octets(each, "op 5.3", DEVICE_ID_OCTETS) for each in fields.array(3)]
    if kept != sorted(set(kept)):
        raise Untrusted("canonical", "the devices kept are not in ascending order")
    return Recover(
        fields.octets(0, PUBLIC_KEY_OCTETS),
        fields.octets(1, PUBLIC_KEY_OCTETS),
        Device.read(fields.value(2)),
        tuple(DeviceId(each) for each in kept),
    )


def _read_change_recovery(body: cbor.Value) -> ChangeRecovery:
    fields = Fields(body, "op 6", (0, 1))
    return ChangeRecovery(fields.octets(0, PUBLIC_KEY_OCTETS), _bool(fields.value(1)))


def _read_profile(body: cbor.Value) -> SetProfile:
    fields = Fields(body, "op 7", range(6))
    pairs = tuple(_read_pair(each) for each in fields.array(5))
    keys = [key for key, _ in pairs]
    if keys != sorted(set(keys)):
        raise Untrusted("canonical", "the pairs of a profile are not ascending by their keys")
    return SetProfile(
        Profile(
            lookup_open=fields.uint(0, _OPEN, _CLOSED) == _OPEN,
            postage_bits=fields.uint(1),
            octets_max=fields.uint(2),
            receipts=_bool(fields.value(3)),
            suite_floor=fields.uint(4, 1),
            pairs=pairs,
        )
    )


def _read_pair(value: cbor.Value) -> tuple[str, str]:
    key, text = array(value, "a pair of a profile", 2)
    for each in (key, text):
        if not isinstance(each, str) or len(each.encode()) > _TEXT_OCTETS_MAX:
            raise misshapen("a pair of a profile is two short texts")
    return str(key), str(text)


def _read_move(body: cbor.Value) -> Move:
    return Move(Fields(body, "op 8", (0,)).address(0))


def _read_end(body: cbor.Value) -> End:
    fields = Fields(body, "op 9", (0,), (1,))
    successor = Pid(fields.octets(1, DIGEST_OCTETS)) if fields.has(1) else None
    return End(fields.uint(0), successor)


def _bool(value: cbor.Value) -> bool:
    if not isinstance(value, bool):
        raise misshapen("neither true nor false")
    return value


_READERS: Final[dict[int, Callable[[cbor.Value], Op]]] = {
    ops.GENESIS: _read_genesis,
    ops.ADD: _read_add,
    ops.REMOVE: _read_remove,
    ops.ROTATE: _read_rotate,
    ops.RECOVER: _read_recover,
    ops.CHANGE_RECOVERY: _read_change_recovery,
    ops.PROFILE: _read_profile,
    ops.MOVE: _read_move,
    ops.END: _read_end,
}


# ── values to octets ─────────────────────────────────────────────────────────────────
def _body(op: Op) -> cbor.Value:
    match op:
        case Genesis(identity_pk, recovery_pk, address, device):
            return {0: identity_pk, 1: recovery_pk, 2: str(address), 3: device.value()}
        case Add(device):
            return {0: device.value()}
        case Remove(device_id, reason, since):
            when: dict[int, cbor.Value] = {} if since is None else {2: since}
            return {0: bytes(device_id), 1: int(reason), **when}
        case Rotate(identity_pk):
            return {0: identity_pk}
        case Recover(identity_pk, recovery_pk, device, kept):
            ids: list[cbor.Value] = [bytes(each) for each in kept]
            return {0: identity_pk, 1: recovery_pk, 2: device.value(), 3: ids}
        case ChangeRecovery(recovery_pk, delayed):
            return {0: recovery_pk, 1: delayed}
        case SetProfile(profile):
            return _profile_value(profile)
        case Move(address):
            return {0: str(address)}
        case End(reason_of_end, successor):
            then: dict[int, cbor.Value] = {} if successor is None else {1: bytes(successor)}
            return {0: reason_of_end, **then}
        case Extension() | Unsupported():
            return op.body


def _profile_value(profile: Profile) -> cbor.Value:
    return {
        0: _OPEN if profile.lookup_open else _CLOSED,
        1: profile.postage_bits,
        2: profile.octets_max,
        3: profile.receipts,
        4: profile.suite_floor,
        5: [[key, text] for key, text in profile.pairs],
    }
