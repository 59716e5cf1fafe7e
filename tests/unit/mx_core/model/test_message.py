"""Values that stand for messages cannot be changed after they are made."""

import dataclasses

import pytest

from mx_core.model.address import Address
from mx_core.model.ids import ModSeq, Uid, UidValidity
from mx_core.model.message import HeaderField, MessageForm, Snapshot, Submission

ALICE = Address("alice", "a.example")


@pytest.mark.parametrize("kind", [HeaderField, MessageForm, Snapshot, Submission])
def test_each_is_frozen_and_holds_no_dict(kind: type) -> None:
    assert kind.__dataclass_params__.frozen
    assert "__dict__" not in dir(kind)


def test_an_empty_mailbox_has_a_snapshot() -> None:
    snapshot = Snapshot(UidValidity(1), Uid(1), ModSeq(1))

    assert snapshot.uids == snapshot.messages == snapshot.modseqs == snapshot.flags == ()
    with pytest.raises(dataclasses.FrozenInstanceError):
        snapshot.uid_next = Uid(2)


def test_nobody_is_hidden_unless_said() -> None:
    assert Submission(ALICE, (ALICE,), b"\r\n").hidden == frozenset()
