"""Gossip travels in ext, and what else stands there is let through."""

import pytest

from mx_core.envelope.ext import CHECKPOINTS_MAX, Ext, Gossip
from mx_core.model.errors import Untrusted
from mx_core.notation import cbor

TREE = Gossip("a.example/mailx-kt", 7, b"r" * 32)


def test_what_was_told_is_read_again() -> None:
    assert Ext.decode(Ext((TREE,)).encode()) == Ext((TREE,))


def test_nothing_is_no_octets() -> None:
    assert Ext().encode() == b""
    assert Ext.decode(None) == Ext.decode(b"") == Ext()


def test_other_items_of_the_page_are_passed_over_and_no_more_than_four_trees_are_read() -> None:
    octets = cbor.encode({0: [list(TREE)] * 9, 1: [3, b"h" * 32], 2: b"s" * 32})

    assert Ext.decode(octets) == Ext((TREE,) * CHECKPOINTS_MAX, b"s" * 32)


def test_a_secret_goes_alone_or_with_trees_and_has_32_octets() -> None:
    for ext in (Ext((), b"s" * 32), Ext((TREE,), b"s" * 32)):
        assert Ext.decode(ext.encode()) == ext
    with pytest.raises(Untrusted):
        Ext.decode(cbor.encode({2: b"s" * 31}))


@pytest.mark.parametrize(
    "value", [{7: 1}, [], {0: 1}, {0: [[]]}, {0: [["a", 1]]}, {0: [["a", 1, b"short"]]}, {0: [1]}]
)
def test_another_shape_is_refused(value: cbor.Value) -> None:
    with pytest.raises(Untrusted):
        Ext.decode(cbor.encode(value))
