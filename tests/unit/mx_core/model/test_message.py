"""Values that stand for messages cannot be changed after they are made."""

from typing import Any

import pytest

from mx_core.model.address import Address
from mx_core.model.message import HeaderField, MessageForm, Submission

ALICE = Address("alice", "a.example")


@pytest.mark.parametrize("kind", [HeaderField, MessageForm, Submission])
def test_each_is_frozen_and_holds_no_dict(kind: Any) -> None:
    assert kind.__dataclass_params__.frozen
    assert "__dict__" not in dir(kind)


def test_nobody_is_hidden_unless_said() -> None:
    assert Submission(ALICE, (ALICE,), b"\r\n").hidden == frozenset()
