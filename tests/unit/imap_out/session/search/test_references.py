"""THREAD=REFERENCES and its forest.  RFC 5256 §3."""

from __future__ import annotations

from collections import Counter
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from imap_out.session.search.forest import Subjects, by_subject
from imap_out.session.search.ordering import Slicer, in_order
from imap_out.session.search.references import Links, join
from mx_core.model.header_keys import ThreadKeys, thread_table, with_neighbours
from tests.support.thread_model import threads

T = TypeVar("T")
ids = st.integers(1, 8)
messages = st.builds(
    ThreadKeys,
    st.integers(0, 8),
    st.integers(0, 3),
    st.booleans(),
    st.lists(ids, max_size=4).map(tuple),
)


def run(slicer: Slicer[T]) -> T:
    while True:
        try:
            next(slicer)
        except StopIteration as end:
            result: T = end.value
            return result


def subjects_of(keys: list[ThreadKeys]) -> Subjects:
    subjects = Subjects()
    subjects.add(thread_table(keys))
    return subjects


def spelled(keys: list[ThreadKeys], sent: list[int] | None = None, at_once: int = 100_000) -> bytes:
    sent = sent or list(range(len(keys)))
    links = Links()
    for start in range(0, len(keys), at_once):
        links.add(thread_table(keys[start : start + at_once]))
    order = sorted(range(len(keys)), key=sent.__getitem__)
    forest = run(join(links, order, subjects_of(keys)))
    return b"".join(forest.spell(range(1, len(keys) + 1)))


@settings(max_examples=600, deadline=None)
@given(st.lists(st.tuples(messages, st.integers(0, 3)), max_size=9))
def test_threads_are_those_of_the_plain_model(rows: list[tuple[ThreadKeys, int]]) -> None:
    keys, sent = [key for key, _ in rows], [at for _, at in rows]

    assert spelled(keys, sent) == threads(keys, sent)


@settings(deadline=None)
@given(st.lists(messages, max_size=12), st.integers(1, 5))
def test_messages_added_in_pieces_are_threaded_as_if_at_once(
    keys: list[ThreadKeys], at_once: int
) -> None:
    assert spelled(keys, at_once=at_once) == threads(keys, list(range(len(keys))))


@settings(max_examples=600, deadline=None)
@given(st.lists(messages, max_size=12), st.integers(1, 5), st.sets(ids), st.booleans())
def test_messages_whose_doubtful_ids_are_known_are_threaded_as_if_nothing_was(
    keys: list[ThreadKeys], at_once: int, more: set[int], at_hand: bool
) -> None:
    counted = Counter(key.id for key in keys)
    links = Links()
    for start in range(0, len(keys), at_once):
        table = replace(thread_table(keys[start : start + at_once]), judged=True)
        links.add(with_neighbours(table) if at_hand else table)
    links.trust({id_ for id_, many in counted.items() if many > 1} | more)
    forest = run(join(links, range(len(keys)), subjects_of(keys)))

    said = b"".join(forest.spell(range(1, len(keys) + 1)))
    assert said == threads(keys, list(range(len(keys))))


def test_one_table_that_is_not_judged_makes_every_id_doubtful() -> None:
    """Its message has the id that a judged one has, and comes before it."""
    keys = [ThreadKeys(1), ThreadKeys(1), ThreadKeys(2, references=(1,))]
    links = Links()
    links.add(thread_table(keys[:1]))
    links.add(with_neighbours(replace(thread_table(keys[1:]), judged=True)))
    links.trust(set())
    forest = run(join(links, range(3), subjects_of(keys)))

    assert b"".join(forest.spell([1, 2, 3])) == b"(1 3)(2)"


def test_many_messages_named_before_they_come_are_found_over_slices() -> None:
    """Each names the next one, and of two with one id the first is meant."""
    count = 9_000
    keys = [ThreadKeys(n, references=(n + 1,)) for n in range(1, count)] + [ThreadKeys(count)] * 2

    said = spelled(keys, at_once=4_099)

    chain = " ".join(map(str, range(count, 0, -1)))
    assert said == f"({chain})({count + 1})".encode()


def test_a_chain_is_one_list_and_a_fork_nests() -> None:
    """The example of RFC 5256 §4."""
    keys = [
        ThreadKeys(2),
        ThreadKeys(3),
        ThreadKeys(6, references=(3,)),
        ThreadKeys(4, references=(3, 6)),
        ThreadKeys(23, references=(3, 6, 4)),
        ThreadKeys(44, references=(3, 6)),
        ThreadKeys(7, references=(3, 6, 44)),
        ThreadKeys(96, references=(3, 6, 44, 7)),
    ]

    assert spelled(keys) == b"(1)(2 3 (4 5)(6 7 8))"


def test_a_missing_parent_holds_its_children_together() -> None:
    assert spelled([ThreadKeys(1, references=(9,)), ThreadKeys(2, references=(9,))]) == b"((1)(2))"


def test_messages_that_answer_each_other_in_a_circle_are_all_there_once() -> None:
    keys = [ThreadKeys(n, references=((n + 1) % 5 + 1,)) for n in range(1, 6)]

    said = spelled(keys)

    assert sorted(filter(str.isdigit, said.decode())) == ["1", "2", "3", "4", "5"]


def test_two_messages_with_one_id_are_two() -> None:
    assert spelled([ThreadKeys(1), ThreadKeys(1), ThreadKeys(2, references=(1,))]) == b"(1 3)(2)"


def test_a_chain_of_fifty_thousand_is_spelled_without_recursion() -> None:
    keys = [ThreadKeys(n + 1, references=(n,) if n else ()) for n in range(50_000)]

    said = spelled(keys)

    assert said.startswith(b"(1 2 3 ")
    assert said.endswith(b" 50000)")


def test_looking_for_circles_is_bounded() -> None:
    """A deep chain, and many messages that would each walk all of it."""
    deep = 3_000
    chain = [ThreadKeys(n + 1, references=(n,) if n else ()) for n in range(deep)]
    named = [ThreadKeys(10_000 + n, references=(20_000 + n,)) for n in range(deep)]
    closing = [ThreadKeys(20_000 + n, references=(deep,)) for n in range(deep)]
    links = Links()
    links.add(thread_table([*chain, *named, *closing]))
    run(links.link())

    assert links._steps > -64 * 3 * deep


def test_ordered_subject_joins_under_the_first_by_date() -> None:
    keys = [
        ThreadKeys(subject=1),
        ThreadKeys(subject=2),
        ThreadKeys(subject=1),
        ThreadKeys(subject=1),
    ]
    forest = run(by_subject([1, 3, 0, 2], subjects_of(keys)))

    assert b"".join(forest.spell([11, 12, 13, 14])) == b"(12)(14 (11)(13))"


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 5) | st.integers(0, 10**6), min_size=1, max_size=40),
    st.integers(1, 700),
    st.booleans(),
)
def test_order_is_stable_and_right(seed: list[int], times: int, reverse: bool) -> None:
    """As long as several slices, with few or many different keys."""
    keys = [(key * (n // len(seed) + 1)) % 9_973 for n, key in enumerate(seed * times)]
    order = run(in_order(range(len(keys)), keys, reverse=reverse))

    assert list(order) == sorted(range(len(keys)), key=keys.__getitem__, reverse=reverse)
