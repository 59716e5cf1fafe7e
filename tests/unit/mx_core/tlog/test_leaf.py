"""The two kinds of leaves, and what a commitment commits to."""

import pytest

from mx_core.model.address import Address
from mx_core.model.errors import Untrusted
from mx_core.passport import make
from mx_core.passport.binding import Binding
from mx_core.passport.chain import verify_chain
from mx_core.tlog.leaf import BindingLeaf, RootLeaf, alpha, commitment, label_of, parse_leaf
from tests.support.passport_example import ALICE, DEVICE_ID, TIME, seed

OPENING = bytes([5]) * 32


@pytest.mark.parametrize(
    "leaf", [BindingLeaf(b"l" * 32, 7, b"c" * 32), RootLeaf(b"r" * 32, 1 << 40)]
)
def test_a_leaf_reads_as_it_was_written(leaf: BindingLeaf | RootLeaf) -> None:
    assert parse_leaf(leaf.octets()) == leaf


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x01",
        b"\x03" + bytes(68),
        b"\x01" + bytes(69),
        b"\x02" + bytes(41),
        b"\x01" + bytes(68),
    ],
)
def test_another_kind_or_length_or_a_version_of_none_is_refused(octets: bytes) -> None:
    with pytest.raises(Untrusted) as refused:
        parse_leaf(octets)
    assert refused.value.failure == "log-leaf"


def test_the_golden_commitment_is_made() -> None:
    """Identity §12."""
    genesis = make.genesis(ALICE, seed(1), seed(2), seed(3), DEVICE_ID, TIME)
    binding = Binding.of(verify_chain([genesis], now=TIME)).encode()

    assert (
        commitment(binding, OPENING).hex()
        == "818cb0527556e4d9fac271c07d58b1a4c783cff4d4a16b1c7033324cb478d126"
    )


def test_an_opening_of_another_length_is_refused() -> None:
    with pytest.raises(Untrusted):
        commitment(b"binding", b"")


def test_a_label_is_of_the_canonical_address() -> None:
    assert alpha(Address("alice", "a.example")) == b"MailX v1 vrf\0alice@a.example"
    assert label_of(bytes(range(64))) == bytes(range(32))
