"""What a map says of a label, and that nobody can be shown another thing under its root."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mx_core.model.errors import Untrusted
from mx_core.tlog import label_map
from mx_core.tlog.label_map import EMPTY, Path, Tree, Value

GOLDEN = [0x11, 0x12, 0xF0]  # identity §12
labels = st.one_of(
    st.binary(min_size=32, max_size=32),
    # labels that agree for many bits
    st.integers(0, 7).map(lambda last: bytes(31) + bytes([last])),
)


def value(number: int) -> Value:
    return Value(1, bytes([number]) * 32, number)


def map_of(found: dict[bytes, Value]) -> Tree:
    tree: Tree = None
    for label, one in found.items():
        tree = label_map.put(tree, {label: one})
    return tree


def by_definition(found: dict[bytes, Value], depth: int = 0) -> bytes:
    """Identity §4, word by word."""
    if not found:
        return EMPTY
    if len(found) == 1:
        ((label, one),) = found.items()
        return label_map._single_hash(label, one)
    halves: tuple[dict[bytes, Value], dict[bytes, Value]] = ({}, {})
    for label, one in found.items():
        halves[label[depth // 8] >> (7 - depth % 8) & 1][label] = one
    return label_map._fork_hash(
        by_definition(halves[0], depth + 1), by_definition(halves[1], depth + 1)
    )


def test_the_golden_map_has_the_golden_root() -> None:
    tree = map_of({bytes([number]) * 32: value(number) for number in GOLDEN})

    assert (
        label_map.root_of(tree).hex()
        == "dc2d9a31fadcd44649f6e2eb7f8d00f0a39ce60aab49b5a495d8862f25cd29e7"
    )


@given(st.dictionaries(labels, st.integers(0, 255).map(value), max_size=40))
def test_the_root_is_that_of_the_definition_in_any_order_of_entry(
    found: dict[bytes, Value],
) -> None:
    backwards = dict(reversed(found.items()))

    assert label_map.root_of(map_of(found)) == by_definition(found)
    assert label_map.root_of(map_of(backwards)) == by_definition(found)


@given(
    st.dictionaries(labels, st.integers(0, 99).map(value), max_size=20),
    st.dictionaries(labels, st.integers(100, 255).map(value), max_size=20),
)
def test_what_is_put_together_is_as_if_put_one_after_the_other(
    first: dict[bytes, Value], then: dict[bytes, Value]
) -> None:
    together = label_map.put(label_map.put(None, first), then)

    assert together == map_of(first | then)
    assert label_map.root_of(together) == by_definition(first | then)


@given(st.dictionaries(labels, st.integers(0, 255).map(value), max_size=40), labels)
def test_a_path_shows_the_value_or_the_absence(found: dict[bytes, Value], asked: bytes) -> None:
    tree = map_of(found)
    for label in [*found, asked]:
        path = label_map.path_to(tree, label)

        assert label_map.verify_path(label_map.root_of(tree), label, path) == found.get(label)
        assert label_map.get(tree, label) == found.get(label)


@given(st.dictionaries(labels, st.integers(0, 255).map(value), max_size=60), labels, st.data())
def test_roots_and_paths_are_those_of_one_label_a_leaf_whatever_a_bucket_takes(
    found: dict[bytes, Value], asked: bytes, data: st.DataObject
) -> None:
    alone = _in_buckets_of(1, found)
    together = _in_buckets_of(data.draw(st.integers(2, 64)), found)

    assert label_map.root_of(together) == label_map.root_of(alone)
    for label in [*found, asked]:
        assert label_map.path_to(together, label) == label_map.path_to(alone, label)
        assert label_map.get(together, label) == label_map.get(alone, label) == found.get(label)


def _in_buckets_of(labels: int, found: dict[bytes, Value]) -> Tree:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(label_map, "_BUCKET_LABELS", labels)
        return map_of(found)


@given(st.dictionaries(labels, st.integers(0, 255).map(value), min_size=2, max_size=20))
def test_a_path_of_another_label_convinces_nobody(found: dict[bytes, Value]) -> None:
    tree = map_of(found)
    first, second, *_ = found
    path = label_map.path_to(tree, first)

    with pytest.raises(Untrusted):
        label_map.verify_path(label_map.root_of(tree), second, path)


def test_an_older_map_is_left_as_it_was() -> None:
    before = map_of({bytes(32): value(1)})
    root = label_map.root_of(before)
    after = label_map.put(before, {bytes(32): value(2)})

    assert label_map.root_of(before) == root
    assert label_map.get(after, bytes(32)) == value(2)


@pytest.mark.parametrize(
    "path",
    [
        Path((bytes(31),), None),
        Path((bytes(32),) * 257, None),
        Path((), (bytes(31), value(1))),
        Path((), (bytes(32), replace(value(1), commitment=b""))),
        Path((), (bytes(32), replace(value(1), version=0))),
        Path((), (bytes(32), replace(value(1), version=1 << 32))),
        Path((), (bytes(32), replace(value(1), leaf_index=1 << 64))),
        Path((bytes(32),), (b"\x80" + bytes(31), value(1))),
        Path((), None),
    ],
)
def test_a_path_of_another_shape_is_refused(path: Path) -> None:
    with pytest.raises(Untrusted):
        label_map.verify_path(b"r" * 32, bytes(32), path)


def test_a_label_of_another_length_is_refused() -> None:
    with pytest.raises(Untrusted):
        label_map.verify_path(EMPTY, b"", Path((), None))
