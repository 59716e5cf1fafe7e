"""Fields of a header and the cuts of HEADER.FIELDS.  RFC 9051 §6.4.5.1."""

from __future__ import annotations

import pytest

from mx_core.mime import header
from mx_core.mime.limits import FIELDS_MAX, HEADER_OCTETS_MAX, VALUE_OCTETS_MAX
from mx_core.mime.prepare import prepare
from mx_core.model.errors import BadMessage

HEADER = b"From: a\r\nX-One : 1\r\nTo: b,\r\n c\r\nno colon\r\nFROM: d\r\n\r\n"


def values(octets: bytes) -> list[tuple[bytes, bytes]]:
    fields = header.split_fields(octets, 0, len(octets))
    return [(field.name, header.value(octets, field)) for field in fields]


def test_names_are_lower_case_and_folds_stay_in_the_value() -> None:
    assert values(HEADER) == [
        (b"from", b"a"),
        (b"x-one", b"1"),
        (b"to", b"b,\n c"),
        (b"", b"no colon"),
        (b"from", b"d"),
    ]


def test_space_before_a_value_goes_unless_it_is_all_there_is() -> None:
    assert values(b"A: \t x \r\n") == [(b"a", b"x ")]
    assert values(b"A:   \r\n") == [(b"a", b"  ")]
    assert values(b"A:\r\n  x\r\n") == [(b"a", b"\n  x")]


def test_a_value_is_considered_to_its_limit() -> None:
    assert len(values(b"A: " + b"v" * 100_000 + b"\r\n")[0][1]) == VALUE_OCTETS_MAX - 1


def test_fields_beyond_the_limit_are_one_nameless_rest() -> None:
    octets = b"A: b\r\n" * 5_000
    fields = header.split_fields(octets, 0, len(octets))

    assert len(fields) == FIELDS_MAX
    assert (fields[-1].name, fields[-1].end) == (b"", len(octets))


@pytest.mark.parametrize(
    ("head", "octets_more", "whole"),
    [
        (b"", 0, True),
        (b"A: b\r\n" * (FIELDS_MAX - 1), 0, True),
        (b"A: b\r\n" * FIELDS_MAX, 0, False),
        (b"A: b\r\n", HEADER_OCTETS_MAX - 11, True),
        (b"A: b\r\n", HEADER_OCTETS_MAX - 10, False),
    ],
)
def test_a_header_of_which_a_part_would_not_be_looked_at_is_refused(
    head: bytes, octets_more: int, whole: bool
) -> None:
    """Or a field, a Bcc, could hide behind the limit."""
    octets = head + (b"X: " + b"y" * octets_more + b"\r\n" if octets_more else b"")
    body = b"\r\nSubject: of the body\r\n"

    if whole:
        assert header.top_fields(octets + body) == header.split_fields(octets, 0, len(octets))
    else:
        with pytest.raises(BadMessage):
            header.top_fields(octets + body)


def test_a_name_that_is_too_long_is_none() -> None:
    assert header.split_fields(b"n" * 2_000 + b": v\r\n", 0, 2_005)[0].name == b""


def test_first_value_is_of_the_first_field_of_that_name() -> None:
    form = prepare(HEADER)

    assert header.first_value(HEADER, form, b"from") == b"a"
    assert header.first_value(HEADER, form, b"cc") is None


def test_chosen_fields_come_in_their_order_with_the_empty_line() -> None:
    form = prepare(HEADER + b"body\r\n")

    chosen = header.fields_subset(HEADER, form, [b"TO", b"From", b"Cc"], exclude=False)
    others = header.fields_subset(HEADER, form, [b"TO", b"From", b"Cc"], exclude=True)

    assert chosen == b"From: a\r\nTo: b,\r\n c\r\nFROM: d\r\n\r\n"
    assert others == b"X-One : 1\r\nno colon\r\n\r\n"


def test_a_header_without_an_empty_line_lends_none_to_fields_not() -> None:
    octets = b"From: a\r\nTo: b"
    form = prepare(octets)

    assert header.fields_subset(octets, form, [b"to"], exclude=False) == b"To: b\r\n\r\n"
    assert header.fields_subset(octets, form, [b"from"], exclude=True) == b"To: b"


def test_fields_of_a_nested_message_always_end_in_an_empty_line() -> None:
    assert header.part_fields_subset(b"A: 1\r\nB: 2\r\n\r\n", [b"b"], False) == b"B: 2\r\n\r\n"
    assert header.part_fields_subset(b"A: 1\r\nB: 2", [b"a"], True) == b"B: 2\r\n\r\n"
    assert header.part_fields_subset(b"\r\n", [b"a"], True) == b"\r\n"
    assert header.part_fields_subset(b"", [b"a"], False) == b"\r\n"
