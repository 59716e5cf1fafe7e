"""Roots and proofs: those that RFC 6962 and others list, those we make, and each octet altered."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mx_core.model.errors import Untrusted
from mx_core.tlog import merkle
from mx_core.tlog.merkle import EMPTY_ROOT, leaf_hash, verify_consistency, verify_inclusion

CT_LEAVES = [  # the reference tree of Certificate Transparency
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOT = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def node_of(leaves: list[bytes]) -> merkle.Node:
    """The definition of RFC 6962 §2.1, for complete subtrees, without any cleverness."""

    def node(level: int, index: int) -> bytes:
        if level == 0:
            return leaf_hash(leaves[index])
        return merkle.node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))

    return node


def public_cases(kind: str) -> list[Any]:
    folder = os.environ.get("MX_PUBLIC_VECTORS")
    if folder is None:
        return []
    files = sorted((Path(folder) / "merkle" / "testdata" / kind).rglob("*.json"))
    return [pytest.param(json.loads(path.read_bytes()), id=path.stem) for path in files]


def octets(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def test_the_reference_tree_has_the_reference_root() -> None:
    assert merkle.root(8, node_of(CT_LEAVES)).hex() == CT_ROOT


def test_a_tree_without_leaves_has_the_hash_of_nothing() -> None:
    assert merkle.root(0, node_of([])) == EMPTY_ROOT
    assert EMPTY_ROOT.hex().startswith("e3b0c44298fc1c14")


@given(size=st.integers(1, 70), data=st.data())
def test_every_leaf_is_shown_in_every_tree_and_an_altered_proof_is_refused(
    size: int, data: st.DataObject
) -> None:
    leaves = [bytes([number]) for number in range(size)]
    index = data.draw(st.integers(0, size - 1))
    node = node_of(leaves)
    root, proof = merkle.root(size, node), merkle.inclusion(index, size, node)

    verify_inclusion(leaf_hash(leaves[index]), index, size, proof, root)

    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        wrong = [*proof[:at], bytes([proof[at][0] ^ 1]) + proof[at][1:], *proof[at + 1 :]]
        with pytest.raises(Untrusted):
            verify_inclusion(leaf_hash(leaves[index]), index, size, wrong, root)
    with pytest.raises(Untrusted):
        verify_inclusion(leaf_hash(leaves[index]), index, size, [*proof, root], root)


@given(newer=st.integers(1, 70), data=st.data())
def test_every_tree_begins_every_later_one_and_an_altered_proof_is_refused(
    newer: int, data: st.DataObject
) -> None:
    node = node_of([bytes([number]) for number in range(newer)])
    older = data.draw(st.integers(1, newer))
    roots = merkle.root(older, node), merkle.root(newer, node)
    proof = merkle.consistency(older, newer, node)

    verify_consistency(older, roots[0], newer, roots[1], proof)

    with pytest.raises(Untrusted):
        verify_consistency(older, bytes(32), newer, roots[1], proof)
    for at in range(len(proof)):
        wrong = [*proof[:at], bytes([proof[at][0] ^ 1]) + proof[at][1:], *proof[at + 1 :]]
        with pytest.raises(Untrusted):
            verify_consistency(older, roots[0], newer, roots[1], wrong)


@pytest.mark.parametrize(("older", "newer"), [(0, 1), (2, 1), (-1, 1)])
def test_sizes_that_do_not_grow_are_refused(older: int, newer: int) -> None:
    with pytest.raises(Untrusted):
        verify_consistency(older, bytes(32), newer, bytes(32), [])
    with pytest.raises(ValueError, match="no such sizes"):
        merkle.consistency(older, newer, node_of(CT_LEAVES))


def test_a_leaf_outside_the_tree_has_no_proof() -> None:
    with pytest.raises(ValueError, match="no such leaf"):
        merkle.inclusion(8, 8, node_of(CT_LEAVES))
    with pytest.raises(Untrusted):
        verify_inclusion(bytes(32), 8, 8, [], bytes(32))


def test_a_proof_of_more_hashes_than_a_tree_can_be_high_is_refused_unread() -> None:
    with pytest.raises(Untrusted):
        verify_inclusion(bytes(32), 0, 1 << 63, [bytes(32)] * 100, bytes(32))


@pytest.mark.parametrize("case", public_cases("inclusion"))
def test_inclusion_is_judged_as_transparency_dev_judges_it(case: Any) -> None:
    proof = [octets(one) for one in case["proof"] or []]
    arguments = (
        octets(case["leafHash"]),
        case["leafIdx"],
        case["treeSize"],
        proof,
        octets(case["root"]),
    )

    if case["wantErr"]:
        with pytest.raises(Untrusted):
            verify_inclusion(*arguments)
    else:
        verify_inclusion(*arguments)


@pytest.mark.parametrize("case", public_cases("consistency"))
def test_consistency_is_judged_as_transparency_dev_judges_it(case: Any) -> None:
    proof = [octets(one) for one in case["proof"] or []]
    arguments = (
        case["size1"],
        octets(case["root1"]),
        case["size2"],
        octets(case["root2"]),
        proof,
    )

    if case["wantErr"]:
        with pytest.raises(Untrusted):
            verify_consistency(*arguments)
    else:
        verify_consistency(*arguments)
