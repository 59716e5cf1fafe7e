"""Ops and their bodies: what is written is read.  Spec/passport §3."""

import pytest

from mx_core.model.address import Address
from mx_core.model.ids import DeviceId
from mx_core.passport.op import (
    Add,
    Device,
    Extension,
    Genesis,
    Kind,
    Op,
    Reason,
    Remove,
    Rotate,
    Unsupported,
    number_of,
    op_value,
    read_op,
)

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
        (Unsupported(5, {}), 5),
        (Unsupported(127, {0: [1]}), 127),
        (Extension(128, {9: "?"}), 128),
    ],
)
def test_an_op_survives_its_encoding(op: Op, number: int) -> None:
    assert number_of(op) == number
    assert read_op(op_value(op)) == op
