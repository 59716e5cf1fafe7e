"""Decoded CBOR has exactly the shape its page gives, or is `format`.  Identity §1."""

from collections.abc import Callable

import pytest

from mx_core.passport.shape import Fields, array, octets, uint
from tests.support.refusal import tried


def test_a_map_of_the_right_keys_gives_what_stands_under_them() -> None:
    fields = Fields({0: 7, 1: b"ab", 2: [1], 3: "bob@b.example", 4: True}, "x", range(5))

    assert (fields.uint(0), fields.octets(1), fields.array(2)) == (7, b"ab", [1])
    assert str(fields.address(3)) == "bob@b.example"
    assert fields.value(4) is True


def test_an_optional_key_may_be_there_or_not() -> None:
    assert Fields({0: 1, 5: 2}, "x", (0,), (5,)).has(5)
    assert not Fields({0: 1}, "x", (0,), (5,)).has(5)


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: Fields([], "x", ()),
        lambda: Fields({0: 1}, "x", ()),
        lambda: Fields({}, "x", (0,)),
        lambda: Fields({0: 1, 2: 1}, "x", (0,), (1,)),
        lambda: Fields({0: b"alice@a.example"}, "x", (0,)).address(0),
        lambda: Fields({0: "alice"}, "x", (0,)).address(0),
        lambda: Fields({0: "a@" + "b." * 500 + "example"}, "x", (0,)).address(0),
        lambda: uint(True, "x"),
        lambda: uint(b"", "x"),
        lambda: uint(3, "x", low=4),
        lambda: uint(5, "x", high=4),
        lambda: octets("", "x"),
        lambda: octets(b"abc", "x", 2),
        lambda: array({}, "x"),
        lambda: array([1], "x", 2),
    ],
)
def test_anything_else_is_format(attempt: Callable[[], object]) -> None:
    assert tried(attempt) == (None, "format")
