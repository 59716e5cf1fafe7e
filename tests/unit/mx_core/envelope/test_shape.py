"""Reading decoded CBOR: the type asked for, or ``format``."""

from collections.abc import Callable
from typing import Any

import pytest

from mx_core.envelope import shape
from tests.support.refusal import tried

VALUES = [0, 7, True, False, b"", b"abc", "", "abc", [], [1], {}, {0: 1}]


@pytest.mark.parametrize(
    ("read", "accepted"),
    [
        (shape.uint, [0, 7]),
        (shape.boolean, [True, False]),
        (shape.octets, [b"", b"abc"]),
        (lambda value: shape.octets(value, 3), [b"abc"]),
        (shape.text, ["", "abc"]),
        (shape.array, [[], [1]]),
        (lambda value: shape.keyed(value, {0}), [{0: 1}]),
        (lambda value: shape.keyed(value, frozenset(), {0}), [{}, {0: 1}]),
        (lambda value: shape.keyed(value, {0}, {1}), [{0: 1}]),
    ],
    ids=["uint", "boolean", "octets", "octets(3)", "text", "array", "keyed", "optional", "both"],
)
def test_each_reader_takes_its_own_type_and_refuses_the_others(
    read: Callable[[Any], Any], accepted: list[Any]
) -> None:
    results = [tried(lambda value=value: [read(value)]) for value in VALUES]  # type: ignore[misc]  # bound now
    taken = [result[0] for result, _ in results if result]

    assert {failure for result, failure in results if result is None} == {"format"}
    assert [(type(value), value) for value in taken] == [(type(value), value) for value in accepted]
