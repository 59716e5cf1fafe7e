"""A log that grows is the same as one replayed from its leaves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.model.errors import Untrusted
from mx_core.tlog import label_map, merkle
from mx_core.tlog.growing import GrowingLog
from mx_core.tlog.leaf import BindingLeaf, RootLeaf, parse_leaf
from tests.support.small_log import SmallLog

batches = st.lists(st.lists(st.integers(0, 5), max_size=4), min_size=1, max_size=8)


def grown(rounds: list[list[int]]) -> tuple[GrowingLog, list[bytes]]:
    log, entries = GrowingLog(), []
    for numbers in rounds:
        leaves: list[BindingLeaf] = []
        for number in numbers:
            label = bytes([number]) * 32
            version = log.next_version(label) + sum(one.label == label for one in leaves)
            leaves.append(BindingLeaf(label, version, bytes([version]) * 32))
        entries += log.add(leaves)
    return log, entries


@given(batches)
def test_a_log_is_a_pure_function_of_its_leaves(rounds: list[list[int]]) -> None:
    log, entries = grown(rounds)
    again = GrowingLog.replay(entries)

    assert (again.size, again.root(), again.map) == (log.size, log.root(), log.map)
    assert again.size == len(entries)


@given(batches)
def test_its_nodes_are_those_of_the_tree_of_its_leaves(rounds: list[list[int]]) -> None:
    log, entries = grown(rounds)

    for index, entry in enumerate(entries):
        proof = merkle.inclusion(index, log.size, log.node)
        merkle.verify_inclusion(merkle.leaf_hash(entry), index, log.size, proof, log.root())


@given(batches)
def test_every_batch_ends_in_the_root_of_its_map(rounds: list[list[int]]) -> None:
    log, entries = grown(rounds)

    assert parse_leaf(entries[-1]) == RootLeaf(label_map.root_of(log.map), log.size - 1)


def test_versions_count_from_one_without_gaps() -> None:
    log = SmallLog()
    log.add(("alice@a.example", b"1"), ("alice@a.example", b"2"), ("bob@a.example", b"1"))
    versions = [
        leaf.version for leaf in map(parse_leaf, log.entries) if isinstance(leaf, BindingLeaf)
    ]

    assert versions == [1, 2, 1]


def test_a_leaf_of_no_known_kind_is_not_replayed() -> None:
    with pytest.raises(Untrusted):
        GrowingLog.replay([b"?"])


def test_leaves_that_do_not_make_the_map_that_the_last_one_names_are_not_replayed() -> None:
    log = SmallLog()
    log.add(("alice@a.example", b"1"), ("bob@a.example", b"1"))
    altered = bytearray(log.entries[0])
    altered[-1] ^= 1

    with pytest.raises(Untrusted):
        GrowingLog.replay([bytes(altered), *log.entries[1:]])
