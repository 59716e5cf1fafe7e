"""Ops in octets: what is written is read.  Spec/passport §3."""

import pytest

from mx_core.model.address import Address
from mx_core.model.ids import DeviceId, Pid
from mx_core.passport.op import (
    Add,
    ChangeRecovery,
    Device,
    End,
    Extension,
    Genesis,
    Kind,
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
from mx_core.passport.op_form import op_value, read_op

DEVICE = Device(DeviceId(b"d" * 16), b"k" * 32, Kind.LIMITED)


@pytest.mark.parametrize(
    ("op", "number"),
    [
        (Genesis(b"i" * 32, b"r" * 32, Address("alice", "a.example"), DEVICE), 1),
        (Add(DEVICE), 2),
        (Remove(DEVICE.id, Reason.RETIRED), 3),
        (Remove(DEVICE.id, Reason.LOST, 5), 3),
        (Remove(DEVICE.id, Reason.STOLEN, 0), 3),
        (Rotate(b"i" * 32), 4),
        (Recover(b"i" * 32, b"r" * 32, DEVICE, (DEVICE.id, DeviceId(b"e" * 16))), 5),
        (ChangeRecovery(b"r" * 32, delayed=True), 6),
        (ChangeRecovery(b"r" * 32, delayed=False), 6),
        (SetProfile(Profile(lookup_open=False, receipts=True, pairs=(("a", "1"),))), 7),
        (Move(Address("alice", "b.example")), 8),
        (End(7), 9),
        (End(0, Pid(b"p" * 32)), 9),
        (Unsupported(10, {}), 10),
        (Unsupported(127, {0: [1]}), 127),
        (Extension(128, {9: "?"}), 128),
    ],
)
def test_an_op_survives_its_encoding(op: Op, number: int) -> None:
    assert number_of(op) == number
    assert read_op(op_value(op)) == op
